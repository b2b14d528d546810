"""The websocket client: the contract, and headers of a handshake."""

from __future__ import annotations

import asyncio
import re
import ssl
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import WebSocketException

from app.net.addresses import allowed
from app.net.websocket import STREAM_PINGS, BadHeaders, checked_headers, open_socket
from app.server.worker import SETTINGS
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


def test_a_stream_that_vanished_is_noticed_as_soon_as_a_carriers_socket() -> None:
    carriers = SETTINGS["ws_ping_interval"], SETTINGS["ws_ping_timeout"]
    assert carriers == STREAM_PINGS
