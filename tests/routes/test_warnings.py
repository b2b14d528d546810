"""What has no effect is a header of the answer, and can be asked for."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.routes.api import TWILIO_NUMBER, UNKNOWN, VONAGE_CREDENTIAL, Api, refused

IDLE = {"firstMesage": "Hello.", "observabilityPlan": {}}
TOLD = [
    '299 - "mistyped: firstMesage: no such field: is `firstMessage` meant?"',
    '299 - "2 without effect here: firstMesage, observabilityPlan"',
]
PLAN = {"mode": "blind-transfer"}
NOBODYS = {"voice": {"provider": "nobody"}}
REFUSAL = "voice.provider must be one of the following values: "


@pytest.fixture(scope="module")
def api(entry: Api) -> Api:
    return entry


@pytest.fixture(scope="module")
def number(api: Api) -> str:
    return str(api.made("/phone-number", {**TWILIO_NUMBER, "number": "+14155550164"})["id"])


def warnings(answer: Any) -> list[str]:
    assert answer.status_code in {200, 201}, answer.text
    found: list[str] = answer.headers.getlist("Warning")
    return found


def test_of_an_assistant(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.routes.warnings")
    assert warnings(api.post("/assistant", {"name": "x"})) == []
    made = api.post("/assistant", {"name": "x", **IDLE})
    assert warnings(made) == TOLD
    id = made.json["id"]
    assert [each for each in caplog.messages if each.startswith(f"assistant {id}: ")]
    assert warnings(api.patch(f"/assistant/{id}", {"observabilityPlan": None})) == [
        TOLD[0],
        '299 - "1 without effect here: firstMesage"',
    ]
    assert warnings(api.put(f"/assistant/{id}", {"name": "y"})) == []


def test_a_clients_words_make_no_header_of_their_own(api: Api) -> None:
    body = {f'é"\\\r\nX: {"x" * 50}{n}': 1 for n in range(60)}
    found = warnings(api.post("/assistant", body))
    assert sum(map(len, found)) < 800
    assert all(each.isascii() and each.isprintable() for each in found)


def test_a_clients_templates_make_no_long_header(api: Api) -> None:
    """A client takes 16,000 bytes of headers, if it is Node's."""
    filters = " ".join(f"{{{{ a | {f'f{n}' * 20} }}}}" for n in range(500))
    body = {"firstMessage": filters, **{f"{n}{'x' * 9000}": "{{a b}}" for n in range(12)}}
    found = warnings(api.post("/assistant", body))
    assert sum(map(len, found)) < 5000
    assert any("has a filter that does not exist: f0f0" in each for each in found)


def test_of_a_stored_one(api: Api) -> None:
    made = api.made("/assistant", {"name": "x", **IDLE, "model": {"provider": "groq"}})
    seen = api.get(f"/assistant/{made['id']}/check").json
    assert seen["assistantId"] == made["id"]
    assert seen["works"] is False
    fields = {each["path"]: each for each in seen["fields"]}
    assert fields["name"] == {"path": "name", "fate": "served"}
    assert fields["observabilityPlan"]["fate"] == "ignored"
    assert fields["model"]["fate"] == "refused"
    assert "model.model must name a model" in fields["model"]["reason"]
    assert api.get(f"/assistant/{made['id'][:-4]}0000/check").status_code == 404


def test_a_credential_of_the_organisation_counts(api: Api) -> None:
    model = {"provider": "anyscale", "model": "x"}
    made = api.made("/assistant", {"model": model, "transcriber": {"provider": "none"}})
    path = f"/assistant/{made['id']}/check"
    assert api.get(path).json["works"] is False
    key = {"provider": "anyscale", "apiKey": "key", "apiUrl": "https://vendor.example"}
    api.made("/credential", key)
    assert api.get(path).json["works"] is True


@pytest.mark.parametrize("path", ["assistant", "assistantOverrides"])
def test_of_a_call(api: Api, number: str, path: str) -> None:
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number,
        "assistantId": api.made("/assistant", {"name": "x"})["id"],
    }
    assert warnings(api.post("/call", body)) == []
    if path == "assistant":
        body.pop("assistantId")
    assert warnings(api.post("/call", {**body, path: IDLE})) == TOLD
    batch = {**body, "customers": [{"number": f"+1415555012{n}"} for n in range(2)], path: IDLE}
    assert warnings(api.post("/call", batch)) == TOLD
    [message] = refused(api.post("/call", {**body, path: NOBODYS}))
    assert message.startswith(f"{path}.{REFUSAL}")


def transferring(**plan: Any) -> dict[str, Any]:
    """An assistant that transfers with this plan."""
    there = {"type": "sip", "sipUri": "sip:desk@pbx.example", "transferPlan": plan}
    tool = {"type": "transferCall", "destinations": [there]}
    return {"model": {"provider": "openai", "model": "gpt-4o", "tools": [tool]}}


def test_of_a_transfer_that_the_calls_carrier_cannot_make(api: Api, number: str) -> None:
    """An assistant is of any carrier, and a call of one."""
    refers = transferring(mode="blind-transfer", sipVerb="refer")
    plays = transferring(mode="warm-transfer-twiml", twiml='<Play digits="1"/>')
    for each in (refers, plays):
        assert not any("transferPlan" in told for told in warnings(api.post("/assistant", each)))
    account = api.made("/credential", VONAGE_CREDENTIAL)["id"]
    theirs = {"provider": "vonage", "number": "14155550165", "credentialId": account}
    vonage = api.made("/phone-number", theirs)["id"]
    for id, sentences, status in ((number, 0, 201), (vonage, 1, 400)):
        call = {"phoneCallProviderBypassEnabled": True, "phoneNumberId": id}
        told = warnings(api.post("/call", {**call, "assistant": refers}))
        assert sum("sipVerb" in sentence for sentence in told) == sentences
        answer = api.post("/call", {**call, "assistant": plays})
        assert answer.status_code == status
        assert ("plays no digits" in answer.text) == (status == 400)


def test_of_a_stored_assistant_once(api: Api, number: str) -> None:
    """When it is stored. A call is told of its own fields only."""
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number,
        "assistantId": api.made("/assistant", {"name": "x", **IDLE})["id"],
    }
    own = {"variableValues": {"name": "Ann"}, "modelOutputInMessagesEnabled": True}
    assert warnings(api.post("/call", {**body, "assistantOverrides": own})) == [
        '299 - "1 without effect here: modelOutputInMessagesEnabled"'
    ]


def test_what_can_never_work_changes_nothing(api: Api) -> None:
    [message] = refused(api.post("/assistant", {"name": "x", **NOBODYS}))
    assert message.startswith(REFUSAL)
    made = api.made("/assistant", {"name": "x"})
    refused(api.patch(f"/assistant/{made['id']}", NOBODYS))
    refused(api.put(f"/assistant/{made['id']}", NOBODYS))
    assert "voice" not in api.get(f"/assistant/{made['id']}").json


TOOLS: list[tuple[dict[str, Any], str]] = [
    ({}, "type: is missing"),
    ({"type": "function"}, "function.name: is missing"),
    ({"type": "function", "function": {"name": "a table"}}, "function.name: must be"),
    ({"type": "apiRequest", "name": "f"}, "url: is missing"),
    ({"type": "mcp"}, "server.url: is missing"),
    ({"type": "mcp", "serverUrl": "https://a.example", "metadata": {"protocol": "x"}}, "'x' is"),
    ({"type": "query"}, "knowledgeBases: is missing"),
    ({"type": "query", "knowledgeBases": [{"name": "a"}]}, "knowledgeBases.0.fileIds: is missing"),
    (
        {"type": "query", "knowledgeBases": [{"provider": "custom-knowledge-base"}]},
        "knowledgeBases.0.server.url: is missing",
    ),
    ({"type": "transferCall", "destinations": [{"number": "+14155550101"}]}, "0.type: is missing"),
    ({"type": "transferCall", "destinations": [{"type": "sip"}]}, "0.sipUri: is missing"),
    ({"type": "dtmf", "messages": [{"type": "request-begin"}]}, "messages.0.type: 'request-begin'"),
    ({"type": "endCall", "url": "https://a.example"}, "1 without effect here: url"),
    ({"type": "bash", "name": "x"}, "1 without effect here: type"),
    ({"type": "endCall", "nme": "x"}, "nme: no such field: is `name` meant?"),
]


@pytest.mark.parametrize(("tool", "told"), TOOLS)
def test_of_a_tool_that_lacks_a_part(entry: Api, tool: dict[str, Any], told: str) -> None:
    """Wherever a tool may stand."""
    if tool:
        assert any(told in each for each in warnings(entry.post("/tool", tool)))
    if "without" in told:
        return
    hook = {"on": "call.ending", "do": [{"type": "tool", "tool": {"async": False, **tool}}]}
    for body in ({"model": {"provider": "openai", "tools": [tool]}}, {"hooks": [hook]}):
        found = warnings(entry.post("/assistant", body))
        assert any(told.removeprefix("0.") in each for each in found), found


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"voice": "Elliot"}, "wrong: voice: must be an object"),
        ({"endCallPhrases": "bye"}, "wrong: endCallPhrases: must be an array of strings"),
        ({"serverMessages": ["hnag"]}, "'hnag' is not known: is 'hang' meant?"),
        ({"serverMessages": ["chat.created"]}, "serverMessages: 'chat.created' has no effect here"),
        ({"transport": {"provider": "strem"}}, "transport.provider: 'strem' is none of echo"),
        ({"credentialIds": [UNKNOWN]}, f"credentialIds.0: credential {UNKNOWN} does not exist"),
        ({"credentials": [{"provider": "openai"}]}, "credentials.0.apiKey: is missing"),
        ({"credentials": [{"provider": "acme"}]}, "credentials.0.provider: no vendor"),
        ({"artifactPlan": {"structuredOutputIds": [UNKNOWN]}}, f"{UNKNOWN} does not exist"),
    ],
)
def test_of_a_value_without_effect(entry: Api, body: dict[str, Any], told: str) -> None:
    found = warnings(entry.post("/assistant", body))
    assert any(told in each for each in found), found


@pytest.mark.usefixtures("number")
def test_of_a_transfer_that_goes_nowhere(api: Api) -> None:
    """Which countries are allowed follows from the numbers, as in a call."""
    places = [{"type": "number", "number": each} for each in ("+4930123456", "{{desk}}", "911")]
    tool = {"type": "transferCall", "destinations": places}
    body = {"model": {"provider": "openai", "tools": [tool]}}
    found = str(warnings(api.post("/assistant", body)))
    assert "destinations.0.number: no transfer goes there: number is of DE" in found
    assert "destinations.2.number: no transfer goes there: number must be" in found
    assert "destinations.1" not in found


def test_of_a_phone_number(api: Api) -> None:
    body = {**TWILIO_NUMBER, "number": "+14155550165"}
    server = {"url": "https://a.example", "encryptedPaths": [], "secrt": "x"}
    there = {"type": "number", "number": "+14155550188", "transferPlan": PLAN}
    number = api.post("/phone-number", {**body, "smsEnabled": False})
    assert warnings(number) == []
    changes = {"smsEnabled": True, "server": server, "fallbackDestination": there}
    found = warnings(api.patch(f"/phone-number/{number.json['id']}", changes))
    assert found[0] == '299 - "mistyped: server.secrt: no such field: is `secret` meant?"'
    assert "3 without effect here: server.encryptedPaths, server.secrt, smsEnabled" in found[1]
