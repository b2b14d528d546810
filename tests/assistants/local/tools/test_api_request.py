"""``apiRequest``: the request that a real server gets, and what becomes of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.assistants.local.tools import api_request, functions
from app.assistants.local.tools.extraction import extract
from app.assistants.local.tools.run import ToolFailed
from app.domain.context import Reply as DomainReply
from app.net.authentication import Bearer, Hmac, Outgoing, signature
from app.net.oauth import OAuth, Tokens
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from tests.assistants.local.tools.running import run_of
from tests.clock import in_real_time
from tests.fakes.client_server import Receiver, Reply

BODY = {
    "type": "object",
    "required": ["product", "source", "role"],
    "properties": {
        "product": {"type": "string", "description": "What is ordered."},
        "source": {"type": "string", "value": "phone"},
        "caller": {"type": "string", "value": "{{customer.number}}"},
        "role": {"type": "string", "default": "{{role}}"},
        "count": {"type": "integer", "default": 1},
        "level": {"type": "number", "value": "{{level}}"},
        "nested": {"type": "object", "properties": {"kind": {"type": "string", "value": "x"}}},
    },
}
VALUES = {"customer": {"number": "+14155550111"}, "role": "chef", "level": "2.5"}


class Server:
    """An API that answers as told, in turn; the last answer stays."""

    def __init__(self) -> None:
        self.asked = list[ApiRequest]()
        self.replies = [ApiReply(200, {"ok": True})]
        self.url = ""

    def answer(self, request: ApiRequest) -> ApiReply:
        self.asked.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serve(made.answer) as made.url:
        yield made


def tool(server: Server, path: str = "/orders", **more: Any) -> dict[str, Any]:
    given = {"type": "apiRequest", "name": "order", "method": "POST", "url": server.url + path}
    return {**given, **more}


def test_the_model_gives_what_is_not_fixed(server: Server) -> None:
    run = run_of(tool(server, body=BODY, description="Orders."))
    assert (run.tool.name, run.tool.description) == ("order", "Orders.")
    offered = run.tool.parameters
    assert set(offered["properties"]) == {"product", "count", "nested"}
    assert offered["required"] == ["product"]
    assert offered["properties"]["nested"]["properties"] == {}


@in_real_time
async def test_the_request(server: Server) -> None:
    headers = {
        "type": "object",
        "properties": {
            "x-key": {"type": "string", "value": "abc"},
            "X-Caller": {"type": "string", "value": "{{customer.number}}"},
        },
    }
    static = [{"key": "version", "value": 3}, {"key": "who", "value": "{{customer.number}}"}]
    given = tool(server, body=BODY, headers=headers, parameters=static)
    outcome = await api_request.request(run_of(given, VALUES, product="tea"))
    assert outcome.text == '{"ok": true}'
    [asked] = server.asked
    assert (asked.method, asked.path, asked.content_type) == ("POST", "/orders", "application/json")
    assert (asked.headers["x-key"], asked.headers["x-caller"]) == ("abc", "+14155550111")
    assert json.loads(asked.body) == {
        "product": "tea",
        "source": "phone",
        "caller": "+14155550111",
        "role": "chef",
        "count": 1,
        "level": 2.5,
        "nested": {"kind": "x"},
        "version": 3,
        "who": "+14155550111",
    }


@in_real_time
async def test_a_get_has_its_values_in_the_url(server: Server) -> None:
    body = {"type": "object", "properties": {"id": {"type": "string"}, "q": {"type": "string"}}}
    given = tool(server, "/orders/{{id}}?a=1", method="GET", body=body)
    await api_request.request(run_of(given, id="7 b", q="x&y"))
    assert (server.asked[0].target, server.asked[0].body) == ("/orders/7%20b?a=1&q=x%26y", b"")


@pytest.mark.parametrize("url", ["http://{{host}}/", "{{host}}", "http://", "nothing"])
@in_real_time
async def test_the_model_chooses_no_host(server: Server, url: str) -> None:
    host = server.url.removeprefix("http://")
    with pytest.raises(ToolFailed, match="has no host, or one that the model would choose"):
        await api_request.request(run_of({**tool(server), "url": url}, host=host))
    assert server.asked == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (ApiReply(404, {"error": {"message": "No such order."}}), "404: No such order."),
        (ApiReply(302, None, {"Location": "/other"}), "the server answered 302"),
        (ApiReply(500, None), "the server answered 500"),
        (ApiReply(0), "the server cannot be reached"),
        (ApiReply(200, b"x" * 1_000_001), "the answer is over 1000000 bytes"),
    ],
)
@in_real_time
async def test_a_failure_is_a_sentence(server: Server, reply: ApiReply, words: str) -> None:
    server.replies = [reply]
    with pytest.raises(ToolFailed, match=words):
        await api_request.request(run_of(tool(server)))
    assert len(server.asked) == 1


@in_real_time
async def test_a_backoff_plan_repeats_it(server: Server) -> None:
    plan = {"type": "exponential", "maxRetries": 3, "baseDelaySeconds": 0}
    server.replies = [ApiReply(503), ApiReply(0), ApiReply(200, "done")]
    run = run_of(tool(server, backoffPlan=plan))
    assert (await api_request.request(run)).text == "done"
    assert len(server.asked) == 3
    server.replies = [ApiReply(503)]
    excluded = {**plan, "excludedStatusCodes": [503]}
    with pytest.raises(ToolFailed):
        await api_request.request(run_of(tool(server, backoffPlan=excluded)))
    assert len(server.asked) == 4


@in_real_time
async def test_a_credential_proves_who_asks(server: Server) -> None:
    hmac = {"type": "hmac", "secretKey": "k", "algorithm": "sha256", "includeTimestamp": False}
    signers = {"token": Bearer({"type": "bearer", "token": "t"}), "hmac": Hmac(hmac)}
    own = {"authorization": "own"}
    for given in (
        {"credentialId": "token"},
        {"credentialId": "token", "headers": own},
        {"credentialId": "hmac"},
    ):
        run = run_of(tool(server, body=BODY, **given), VALUES, signers, product="tea")
        await api_request.request(run)
    first, second, third = server.asked
    assert first.headers["authorization"] == "Bearer t"
    assert second.headers["authorization"] == "own"
    told = Outgoing("", third.body, "", 0)
    assert third.headers["x-signature"] == signature(hmac, told)


@in_real_time
async def test_a_revoked_token_is_renewed_once(server: Server) -> None:
    with Receiver() as authorisation:
        for name in (b"t1", b"t2"):
            authorisation.script(Reply(200, body=b'{"access_token": "%s"}' % name))
        plan = {"type": "oauth2", "url": authorisation.url, "clientId": "c", "clientSecret": "s"}
        server.replies = [ApiReply(401), ApiReply(200, "done")]
        signers = {"oauth": OAuth(plan, True, Tokens())}
        run = run_of(tool(server, credentialId="oauth"), {}, signers)
        assert (await api_request.request(run)).text == "done"
    assert [each.headers["authorization"] for each in server.asked] == ["Bearer t1", "Bearer t2"]


@in_real_time
async def test_a_servers_own_words_are_templates() -> None:
    """Those of its result, and of its failure."""
    given = {"type": "function", "function": {"name": "f"}}
    words = {"message": "Bye, {{name}}."}
    replies = [
        DomainReply(json.dumps({"results": [{"result": "{{name}}", **words}]}).encode()),
        DomainReply(json.dumps({"results": [{"error": "none", **words}]}).encode()),
    ]
    run = run_of(given, {"name": "Ann"}, None, replies)
    outcome = await functions.ask(run)
    assert outcome.message is not None
    assert (outcome.text, outcome.message.content) == ("{{name}}", "Bye, Ann.")
    with pytest.raises(ToolFailed) as caught:
        await functions.ask(run)
    assert caught.value.message is not None
    assert caught.value.message.content == "Bye, Ann."


@in_real_time
async def test_a_credential_that_is_gone_is_told(server: Server) -> None:
    with pytest.raises(ToolFailed, match="the credential does not exist"):
        await api_request.request(run_of(tool(server, credentialId="gone")))
    assert server.asked == []


def test_the_time_of_all_repetitions_is_bounded() -> None:
    plan = {"type": "exponential", "maxRetries": 50, "baseDelaySeconds": 50}
    given = {"timeoutSeconds": 1, "backoffPlan": plan}
    assert api_request.longest_seconds(given) == 11 + 10 * 30
    assert api_request.longest_seconds({"timeoutSeconds": 1e9}) == 300


ANSWER = {"name": "Ann", "age": 7, "list": [{"city": "Oslo"}], "none": None}
PLANS: dict[str, tuple[Any, Any, Any]] = {
    "object": (
        {"schema": {"properties": {"name": {}, "age": {}, "none": {}, "missing": {}}}},
        ANSWER,
        {"name": "Ann", "age": 7},
    ),
    "array": (
        {"schema": {"type": "array", "title": "zips"}},
        ["1", "2"],
        {"zips": ["1", "2"]},
    ),
    "aliases": (
        {
            "aliases": [
                {"key": "who", "value": "{{name}}"},
                {"key": "city", "value": "{{list[0].city}}"},
                {"key": "same", "value": "{{ $.list[0] }}"},
                {"key": "greeting", "value": "Hello {{who}} of {{customer.number}}"},
                {"key": "header", "value": "{{tool.response.headers.x-id}}"},
                {"key": "9", "value": "{{name}}"},
                {"key": "missing", "value": "{{list[5].city}}"},
            ]
        },
        ANSWER,
        {
            "who": "Ann",
            "city": "Oslo",
            "same": {"city": "Oslo"},
            "greeting": "Hello Ann of +14155550111",
            "header": "77",
        },
    ),
    "aliases of an array": (
        {"aliases": [{"key": "first", "value": "{{$[0].city}}"}]},
        [{"city": "Rome"}],
        {"first": "Rome"},
    ),
    "no plan": ({}, ANSWER, {}),
}


@pytest.mark.parametrize(("plan", "answer", "found"), PLANS.values(), ids=PLANS)
@in_real_time
async def test_variables_are_extracted(server: Server, plan: Any, answer: Any, found: Any) -> None:
    server.replies = [ApiReply(200, answer, {"X-Id": "77"})]
    run = run_of(tool(server, variableExtractionPlan=plan), VALUES)
    assert extract(run, await api_request.request(run)) == found
