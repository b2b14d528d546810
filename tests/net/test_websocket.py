"""The websocket client: the contract, and headers of a handshake."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from app.net.addresses import allowed
from app.net.websocket import (
    STREAM_PINGS,
    WRITE_SECONDS,
    BadHeaders,
    Pings,
    checked_headers,
    open_socket,
)
from app.server.worker import SETTINGS
from tests.clock import on_loop
from tests.net.contract import HERE, Contract, Resolver
from tests.net.wire import Asked, websocket_answer


class TestWebsocket(Contract):
    errors = (OSError, ValueError, WebSocketException)

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

        async def receive() -> bytes:
            socket = await open_socket(
                re.sub("^http", "ws", url),
                rule,
                headers={},
                seconds=seconds,
                close_seconds=0.1,
                max_message=most,
                tls=tls,
            )
            async with socket:
                message = await socket.recv()
            assert isinstance(message, bytes)
            return message

        return asyncio.run(receive())

    def reply(self, asked: Asked, body: bytes) -> bytes:
        return websocket_answer(asked, body)


@pytest.mark.parametrize("given", [["X"], {"X": 7}, {"X": "a\r\nY: b"}, {"X Y": "b"}, {"": "b"}])
def test_headers_that_would_break_out(given: Any) -> None:
    with pytest.raises(BadHeaders, match=r"server\.headers"):
        checked_headers(given, "server.headers")


def test_headers_of_a_handshake() -> None:
    assert checked_headers({"X-A": "b"}, "server.headers") == {"X-A": "b"}


@pytest.mark.parametrize("what", ["send", "ping", "close"])
@on_loop
async def test_a_peer_that_reads_nothing_breaks_the_connection(what: str) -> None:
    """The library waits for it without an end, and its own pings wait behind the sound."""
    peers, loop = list[ServerConnection](), asyncio.get_running_loop()
    gone = asyncio.Event()

    async def hold(peer: ServerConnection) -> None:
        peers.append(peer)
        peer.transport.pause_reading()
        await gone.wait()
        peer.transport.abort()

    async with serve(hold, "127.0.0.1", 0, max_queue=1, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        opened = await open_socket(
            f"ws://127.0.0.1:{port}",
            None,
            headers={},
            seconds=5.0,
            close_seconds=0.1,
            max_message=1000,
            pings=Pings(1e6, 1e6),
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(WRITE_SECONDS / 2):
                while not opened.paused:
                    await opened.send(bytes(100_000))
        began = loop.time()
        try:
            with suppress(ConnectionClosed):
                async with asyncio.timeout(10 * WRITE_SECONDS):
                    await (opened.send("a") if what == "send" else getattr(opened, what)())
            assert WRITE_SECONDS <= loop.time() - began < WRITE_SECONDS + 1
            assert opened.state is State.CLOSED
        finally:
            gone.set()


def test_a_stream_that_vanished_is_noticed_as_soon_as_a_carriers_socket() -> None:
    carriers = SETTINGS["ws_ping_interval"], SETTINGS["ws_ping_timeout"]
    assert carriers == STREAM_PINGS
