"""Tokens of a client's authorisation server: kept, renewed, and asked for one at a time."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from app.net import oauth
from app.net.authentication import AuthenticationFailed, Outgoing
from app.net.oauth import OAuth, Tokens
from tests.fakes.client_server import Receiver, Reply

REQUEST = Outgoing("https://example.com/", b"{}", "m", 0)


def token(value: str, **more: Any) -> Reply:
    body = {"access_token": value, "token_type": "Bearer", **more}
    return Reply(200, body=json.dumps(body).encode())


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def signer(server: Receiver, tokens: Tokens, **more: Any) -> OAuth:
    plan = {"type": "oauth2", "url": server.url, "clientId": "c d", "clientSecret": "s&1", **more}
    return OAuth(plan, True, tokens)


def test_a_token_is_asked_for_once(server: Receiver) -> None:
    server.script(token("t1", expires_in=3600))
    tokens = Tokens()
    for _ in range(3):  # each request has a signer of its own
        made = signer(server, tokens, scope="a b").headers(REQUEST)
        assert made == {"Authorization": "Bearer t1"}
    [asked] = server.requests
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b"],
        "client_id": ["c d"],
        "client_secret": ["s&1"],
    }


def test_a_rejected_token_is_renewed_once_for_all(server: Receiver) -> None:
    server.script(token("t1"), token("t2"))
    tokens = Tokens()
    first, second = signer(server, tokens), signer(server, tokens)
    first.headers(REQUEST)
    second.headers(REQUEST)
    assert first.headers(REQUEST, rejected=True) == {"Authorization": "Bearer t2"}
    assert second.headers(REQUEST, rejected=True) == {"Authorization": "Bearer t2"}
    assert len(server.requests) == 2


def test_an_expired_token_is_renewed(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(oauth.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(oauth, "post", lambda *_a, **_k: answers.pop(0))
    answers = [oauth.Response(200, {}, token(value, expires_in=100).body) for value in ("t1", "t2")]
    made = signer(server, Tokens())
    assert made.headers(REQUEST) == {"Authorization": "Bearer t1"}
    now[0] += 100 - oauth.EARLY - 1
    assert made.headers(REQUEST) == {"Authorization": "Bearer t1"}
    now[0] += 1
    assert made.headers(REQUEST) == {"Authorization": "Bearer t2"}


def test_a_server_that_takes_the_header_only(server: Receiver) -> None:
    server.script(401, token("t1"))
    assert signer(server, Tokens()).headers(REQUEST) == {"Authorization": "Bearer t1"}
    basic = server.requests[1].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic) == b"c+d:s%261"
    assert b"client_secret" not in server.requests[1].body


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, body=b"the secret s&1"),
        Reply(302, {"Location": "http://127.0.0.1/"}),
        Reply(200, body=b"no JSON"),
        Reply(200, body=b"[]"),
        Reply(200, body=b"{}"),
        Reply(200, body=b'{"access_token": 7}'),
        Reply(200, body=b'{"access_token": "a\\nb"}'),
        Reply(200, body=b"[" * 60_000),
    ],
)
def test_no_token_is_a_sentence_and_is_kept_for_a_moment(server: Receiver, reply: Reply) -> None:
    server.reply = reply
    made = signer(server, Tokens())
    for _ in range(3):
        with pytest.raises(AuthenticationFailed, match="there is no OAuth token") as told:
            made.headers(REQUEST)
        assert "s&1" not in str(told.value)
    assert len(server.requests) == 1


def test_a_token_server_at_a_private_address_is_not_asked(server: Receiver) -> None:
    plan = signer(server, Tokens()).plan
    with pytest.raises(AuthenticationFailed, match="no OAuth token"):
        OAuth(plan, False, Tokens()).headers(REQUEST)
    assert server.requests == []


def test_many_threads_make_one_request(server: Receiver) -> None:
    server.script(token("t1"))
    tokens, found = Tokens(), list[Any]()
    begin = threading.Barrier(8)

    def ask() -> None:
        begin.wait()
        found.append(signer(server, tokens).headers(REQUEST))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [{"Authorization": "Bearer t1"}] * 8
    assert len(server.requests) == 1


def test_tokens_are_kept_within_a_bound(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "MAX_TOKENS", 2)
    server.reply = token("t")
    tokens = Tokens()
    for number in range(4):
        signer(server, tokens, clientId=str(number)).headers(REQUEST)
    assert len(tokens._kept) == 2
