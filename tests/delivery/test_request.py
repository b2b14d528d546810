"""A question to a server: one POST, signed, and whatever comes of it is a Reply."""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from standardwebhooks import Webhook

from app.delivery import signed_post
from app.delivery.request import MAX_BYTES, ServerRequest
from app.domain.context import Reply as Answer
from app.net.authentication import Bearer, Hmac, Outgoing, Unusable
from app.net.http import Response, SendError
from app.net.oauth import OAuth, Tokens
from app.settings import Settings
from tests.fakes.client_server import Receiver, Reply

pytestmark = pytest.mark.any_store  # the subject: one HTTP request

SECRETS = {"secret": "the secret", "headers": {"X-Own": "1", "Host": "elsewhere"}}


def ask(settings: Settings, url: str, seconds: float = 30.0) -> Answer:
    return ServerRequest(settings)(url, "message-1", b'{"message":{}}', SECRETS, seconds)


def test_the_answer_s_body(settings: Settings, receiver: Receiver) -> None:
    receiver.script(Reply(201, body=b'{"assistantId":"x"}'))
    assert ask(settings, receiver.url) == Answer(b'{"assistantId":"x"}')


def test_it_is_signed_and_has_the_server_s_own_headers(
    settings: Settings, receiver: Receiver
) -> None:
    ask(settings, receiver.url)
    [request] = receiver.requests
    Webhook(b"the secret").verify(request.body, dict(request.headers))
    assert request.headers["x-vapi-secret"] == "the secret"
    assert request.headers["webhook-id"] == "message-1"
    assert request.headers["x-own"] == "1"
    assert request.headers["host"] != "elsewhere"


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(404), "answered 404"),
        (Reply(302, {"Location": "http://127.0.0.1/"}), "answered 302"),  # never followed
        (Reply(200, body=b"x" * (MAX_BYTES + 1)), "over"),
        (Reply(silent=True), "within 0.2 s"),
    ],
)
def test_no_answer_is_a_sentence(
    settings: Settings, receiver: Receiver, reply: Reply, word: str
) -> None:
    receiver.script(reply)
    answer = ask(settings, receiver.url, 0.2 if reply.silent else 30.0)
    # some frameworks send the results of tools with such a status
    assert answer.body == (reply.body if reply.status >= 400 else b"")
    assert word in (answer.error or "")
    assert len(receiver.requests) == 1


def test_the_largest_answer(settings: Settings, receiver: Receiver) -> None:
    receiver.script(Reply(200, body=b"x" * MAX_BYTES))
    assert len(ask(settings, receiver.url).body) == MAX_BYTES


def test_an_address_that_may_not_be_called(settings: Settings) -> None:
    closed = Settings(**{**vars(settings), "allow_private_server_urls": False})
    assert ask(closed, "https://127.0.0.1/hook").error


def test_a_secret_also_signs_the_body(settings: Settings, receiver: Receiver) -> None:
    ask(settings, receiver.url)
    [request] = receiver.requests
    expected = hmac.new(b"the secret", request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-vapi-signature"] == expected


@pytest.mark.parametrize(
    ("plan", "own", "header", "value"),
    [
        ({"type": "bearer", "token": "t"}, {}, "authorization", "Bearer t"),
        ({"type": "bearer", "token": "t"}, {"Authorization": "own"}, "authorization", "own"),
        (
            {
                "type": "hmac",
                "secretKey": "k",
                "algorithm": "sha256",
                "includeTimestamp": False,
            },
            {},
            "x-signature",
            hmac.new(b"k", b'{"message":{}}', hashlib.sha256).hexdigest(),
        ),
    ],
)
def test_a_credential_signs(
    settings: Settings,
    receiver: Receiver,
    plan: dict[str, Any],
    own: dict[str, str],
    header: str,
    value: str,
) -> None:
    signer = Bearer(plan) if plan["type"] == "bearer" else Hmac(plan)
    secrets = {"headers": own, "signer": signer}
    ServerRequest(settings)(receiver.url, "message-1", b'{"message":{}}', secrets, 5.0)
    [request] = receiver.requests
    assert request.headers[header] == value
    assert "x-vapi-signature" not in request.headers


def test_a_signature_as_standard_webhooks_have_it(settings: Settings, receiver: Receiver) -> None:
    plan = {
        "type": "hmac",
        "secretKey": base64.b64encode(b"the secret").decode(),
        "secretIsBase64": True,
        "algorithm": "sha256",
        "signatureHeader": "webhook-signature",
        "timestampHeader": "webhook-timestamp",
        "messageIdHeader": "Webhook-Id",
        "payloadFormat": "{svix-id}.{timestamp}.{body}",
        "signatureEncoding": "base64",
        "signaturePrefix": "v1,",
    }
    ServerRequest(settings)(receiver.url, "message-1", b"{}", {"signer": Hmac(plan)}, 5.0)
    [request] = receiver.requests
    Webhook(b"the secret").verify(request.body, dict(request.headers))


def test_a_401_renews_the_token_once(settings: Settings, receiver: Receiver) -> None:
    with Receiver() as authorisation:
        for name in ("t1", "t2"):
            authorisation.script(Reply(200, body=b'{"access_token": "%s"}' % name.encode()))
        plan = {"type": "oauth2", "url": authorisation.url, "clientId": "c", "clientSecret": "s"}
        signer = OAuth(plan, True, Tokens())
        receiver.script(401, 200)
        answer = ServerRequest(settings)(receiver.url, "m", b"{}", {"signer": signer}, 5.0)
        assert answer.error is None
        sent = [each.headers["authorization"] for each in receiver.requests]
        assert sent == ["Bearer t1", "Bearer t2"]
        receiver.script(401, 401)
        authorisation.script(Reply(200, body=b'{"access_token": "t3"}'))
        answer = ServerRequest(settings)(receiver.url, "m", b"{}", {"signer": signer}, 5.0)
        assert answer.error == "the server answered 401"
        assert len(receiver.requests) == 4


PLAN = {"type": "exponential", "maxRetries": 3, "baseDelaySeconds": 2}


@pytest.mark.parametrize(
    ("plan", "replies", "seconds", "waits", "error"),
    [
        (None, [503, 200], 20.0, [], "the server answered 503"),
        (PLAN, [503, 503, 200], 20.0, [2.0, 4.0], None),
        (PLAN, [503] * 4, 20.0, [2.0, 4.0, 8.0], "the server answered 503"),
        (PLAN, [503] * 4, 7.0, [2.0, 4.0], "the server answered 503"),  # no time for the third
        ({**PLAN, "excludedStatusCodes": [503]}, [503, 200], 20.0, [], "the server answered 503"),
        ({**PLAN, "maxRetries": "3"}, [503, 200], 20.0, [], "the server answered 503"),
    ],
)
def test_a_backoff_plan_repeats_it_within_its_time(
    settings: Settings,
    receiver: Receiver,
    plan: object,
    replies: list[int],
    seconds: float,
    waits: list[float],
    error: str | None,
) -> None:
    receiver.script(*replies)
    waited = list[float]()
    ask = ServerRequest(settings, pause=waited.append, clock=lambda: sum(waited))
    answer = ask(receiver.url, "message-1", b"{}", {"backoffPlan": plan}, seconds)
    assert (answer.error, waited) == (error, waits)
    assert {each.headers["webhook-id"] for each in receiver.requests} == {"message-1"}
    assert len(receiver.requests) == len(waits) + 1


def test_a_credential_that_is_gone_is_told(settings: Settings, receiver: Receiver) -> None:
    secrets = {"signer": Unusable("credential x does not exist")}
    answer = ServerRequest(settings)(receiver.url, "m", b"{}", secrets, 5.0)
    assert answer.error == "credential x does not exist"
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("token_takes", "answer_takes", "given"),
    [
        (0.0, 1.0, [7.5, 6.5]),  # the new token's request gets what is left
        (2.0, 3.0, [5.5, 0.5]),
        (2.0, 5.0, [5.5]),  # the next token comes too late
        (8.0, 1.0, []),
    ],
)
def test_all_of_it_has_one_deadline(
    monkeypatch: pytest.MonkeyPatch, token_takes: float, answer_takes: float, given: list[float]
) -> None:
    """Carriers wait for 5 to 15 seconds, and so does the caller: two tokens and two answers."""
    now, seen = [100.0], list[float]()

    def named(*_: Any, **__: Any) -> dict[str, str]:
        now[0] += token_takes
        return {}

    def post(url: str, body: bytes, headers: Any, timeout: float, *_: Any) -> Response:
        seen.append(timeout)
        now[0] += answer_takes
        return Response(401, {}, b"")

    monkeypatch.setattr(signed_post, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(signed_post, "headers", named)
    monkeypatch.setattr(signed_post, "post", post)
    secrets = {"signer": SimpleNamespace(waits=True)}
    sent = Outgoing("https://client.example", b"", "id", 0)
    with suppress(SendError):
        signed_post.post_signed(sent, secrets, 7.5, False)
    assert seen == given
