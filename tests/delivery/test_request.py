"""A question to a server: one POST, signed, and whatever comes of it is a Reply."""

from __future__ import annotations

import pytest
from standardwebhooks import Webhook

from app.delivery.request import MAX_BYTES, ServerRequest
from app.domain.context import Reply as Answer
from app.settings import Settings
from tests.fakes.client_server import Receiver, Reply

SECRETS = {"secret": "the secret", "headers": {"X-Own": "1", "Host": "elsewhere"}}


def ask(settings: Settings, url: str, seconds: float = 5.0) -> Answer:
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
    answer = ask(settings, receiver.url, 0.2 if reply.silent else 5.0)
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
