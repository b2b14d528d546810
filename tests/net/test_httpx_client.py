"""The asynchronous HTTP client: the contract, its second attempt, and answers without an end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial
from typing import Any

import httpx2
import pytest

from app.net import httpx_client
from app.net.addresses import allowed
from app.net.authentication import Outgoing
from app.net.httpx_client import make_client
from tests.net.contract import HERE, NAME, Contract, Resolver
from tests.net.wire import Asked, http_answer, served


class TestHttpxClient(Contract):
    errors = (httpx2.HTTPError, httpx2.InvalidURL)

    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(httpx_client, "PAUSE_SECONDS", 0.0)
        self.bound = partial(monkeypatch.setattr, httpx_client, "ANSWER_BYTES")

    def call(
        self,
        url: str,
        *,
        allow_private: bool = False,
        resolver: Resolver = HERE,
        tls: ssl.SSLContext | None = None,
        seconds: float = 20.0,
        most: int = 1_000_000,
    ) -> bytes:
        rule = partial(allowed, allow_private=allow_private, resolver=resolver)
        self.bound(most)

        async def post() -> bytes:
            made = make_client(seconds, rule, connect_seconds=seconds, tls=tls)
            async with made as client:
                return (await client.post(url, content=b"{}")).content

        return asyncio.run(post())


def once(answers: list[bytes], *, retries: bool) -> tuple[int, int]:
    """The status that a client gets from a server that gives each answer once, and its requests."""

    def talk(conn: socket.socket, _asked: Asked) -> None:
        conn.sendall(answers.pop(0))

    async def post(url: str) -> int:
        async with make_client(addresses=lambda _: ["127.0.0.1"], retries=retries) as client:
            return (await client.post(url)).status_code

    with served(talk) as wire:
        return asyncio.run(post(f"http://{NAME}:{wire.port}/")), len(wire.asked)


@pytest.mark.parametrize(("retries", "ended"), [(True, (200, 2)), (False, (503, 1))])
def test_a_voice_is_asked_once_and_a_model_again(
    retries: bool, ended: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpx_client, "PAUSE_SECONDS", 0.0)
    busy = http_answer(b"", "503 Service Unavailable")
    assert once([busy, http_answer(b"")], retries=retries) == ended


def test_an_answer_that_drips_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes within the time for one piece."""
    monkeypatch.setattr(httpx_client, "ANSWER_SECONDS", 0.1)

    def drip(conn: socket.socket, _asked: Asked) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not wire.closing.wait(0.02):
            conn.sendall(b"x")

    async def post(url: str) -> None:
        async with make_client(addresses=lambda _: ["127.0.0.1"]) as client:
            await client.post(url)

    with served(drip) as wire, pytest.raises(httpx2.ReadTimeout, match="longer than"):
        asyncio.run(post(f"http://{NAME}:{wire.port}/"))


def test_the_preload_makes_one_request_that_nothing_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as closed:  # bound, and listening to nothing
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(httpx_client, "CLOSED_PORT", url)
        asked = list[str]()
        send = httpx_client.Client.send

        async def noted(
            self: httpx_client.Client, request: httpx2.Request, **options: Any
        ) -> httpx2.Response:
            asked.append(str(request.url))
            return await send(self, request, **options)

        monkeypatch.setattr(httpx_client.Client, "send", noted)
        asyncio.run(httpx_client.preload())
    assert asked == [url]


class Renewed:
    """A signer whose first token is stale."""

    waits = True

    def headers(self, request: Outgoing, *, rejected: bool = False) -> dict[str, str]:
        assert request.body == b"{}"
        assert request.url.startswith(f"http://{NAME}:")  # the name, and not the address
        return {"Authorization": "Bearer new" if rejected else "Bearer old"}


def test_a_stale_token_is_renewed_once() -> None:
    answers = [http_answer(b"", "401 Unauthorized"), http_answer(b"good")]

    def talk(conn: socket.socket, _asked: Asked) -> None:
        conn.sendall(answers.pop(0))

    async def post(url: str) -> bytes:
        rule = {"addresses": lambda _: ["127.0.0.1"], "signer": Renewed()}
        async with make_client(**rule, keep_seconds=0) as client:
            return (await client.post(url, content=b"{}")).content

    with served(talk) as wire:
        assert asyncio.run(post(f"http://{NAME}:{wire.port}/")) == b"good"
    assert [each.header("authorization") for each in wire.asked] == ["Bearer old", "Bearer new"]
