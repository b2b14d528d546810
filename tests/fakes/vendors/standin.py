"""What the stand-ins of voices share: a real server in the test's loop, its faults, its record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSMsgType, web

SECONDS = 0.2
"""How long every sentence sounds."""
LEVEL = 9000
CLOSING = (("type", "Close"), ("close_socket", True), ("operation", "eos"))
"""How the clients of the vendors say that they are done."""


def sound(rate: int, seconds: float = SECONDS) -> bytes:
    """A sentence: a square wave of 400 Hz as 16-bit PCM."""
    half = rate // 800
    count = int(rate * seconds)
    return b"".join(struct.pack("<h", LEVEL if n // half % 2 else -LEVEL) for n in range(count))


@dataclass
class Asked:
    """One request, or one websocket's handshake."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class StandIn:
    """One vendor. Its faults are fields: set them before the call, or between two sentences."""

    status: int | None = None
    """Refuse requests and handshakes with this HTTP status."""
    says: str = "refused"
    """What a refusal says."""
    refuses: str | None = None
    """Refuse on the open websocket, with this error code."""
    cut: bool = False
    """Break off in the middle of a sentence."""
    silent: bool = False
    """Take everything, answer nothing."""
    hangs: bool = False
    """Answer no request and no handshake."""
    seconds: float = SECONDS
    """How long every sentence sounds."""
    asked: list[Asked] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    """Messages that came over websockets."""
    url: str = ""
    open: list[web.WebSocketResponse] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """A sentence has come."""

    async def __aenter__(self) -> Self:
        self._over = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._runner.cleanup()

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """What the vendor does with a request that is not refused."""
        raise NotImplementedError

    def refusal(self) -> web.Response:
        return web.Response(status=self.status or 500, text=self.says)

    async def silence(self) -> web.Response:
        await self._over.wait()
        return web.Response()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(request.path, dict(request.query), dict(request.headers), body)
        self.asked.append(asked)
        if self.hangs:
            return await self.silence()
        if self.status is not None:
            return self.refusal()
        return await self.answer(request, asked)


class HttpStandIn(StandIn):
    """A voice that answers a POST with raw PCM."""

    def rate(self, asked: Asked) -> int:
        raise NotImplementedError

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        self.reached.set()
        if self.silent:
            return await self.silence()
        pcm = sound(self.rate(asked), self.seconds)
        response = web.StreamResponse()
        await response.prepare(request)
        half = len(pcm) // 2 + 1 | 1  # an odd number: a sample is split between two chunks
        await response.write(pcm[:half])
        if self.cut:
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(pcm[half:])
        await response.write_eof()
        return response


class SocketStandIn(StandIn):
    """A voice over a websocket of JSON messages."""

    async def drop(self) -> None:
        """Close what is open, as a vendor does with an idle connection; waits until it is closed."""
        for socket in self.open:
            await socket.close()
        self.open.clear()

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open.append(socket)
        with contextlib.suppress(ConnectionResetError):  # messages that came before a break
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                told = json.loads(message.data)
                self.told.append(told)
                self.reached.set()
                if any(told.get(name) == value for name, value in CLOSING):
                    await socket.close()
                elif not self.silent:
                    await self.take(socket, request, told, asked)
        return socket

    async def take(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        told: dict[str, Any],
        asked: Asked,
    ) -> None:
        """Answer one message."""
        raise NotImplementedError

    def break_off(self, request: web.Request) -> None:
        """As a network or a crash does: no closing handshake."""
        assert request.transport is not None
        request.transport.abort()
