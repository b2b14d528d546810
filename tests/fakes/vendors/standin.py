"""What the stand-ins of voices share: sound over HTTP or over a websocket, and their faults."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import struct
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.vendors.server import Asked, VendorServer, break_off

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
class StandIn(VendorServer):
    """One voice. Its faults are fields: set them before the call, or between two sentences."""

    says: str = "refused"
    """What a refusal says."""
    refuses: str | None = None
    """Refuse on the open websocket, with this error code."""
    closes: bool = False
    """It closes the socket in order, instead of speaking."""
    cut: bool = False
    """Break off in the middle of a sentence."""
    silent: bool = False
    """Take everything, answer nothing."""
    seconds: float = SECONDS
    """How long every sentence sounds."""
    told: list[dict[str, Any]] = field(default_factory=list)
    """Messages that came over websockets."""
    open: list[web.WebSocketResponse] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """A sentence has come."""

    def refusal(self) -> web.Response:
        return web.Response(status=self.status or 500, text=self.says)


class HttpStandIn(StandIn):
    """A voice that answers a POST with raw PCM."""

    @abstractmethod
    def rate(self, asked: Asked) -> int:
        """Samples a second of the sound that was asked for."""

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
            break_off(request)
            return response
        await response.write(pcm[half:])
        await response.write_eof()
        return response


class JsonStandIn(HttpStandIn):
    """A voice that answers a POST with sound within JSON."""

    kind = "application/json"
    pieces = 2
    """In how many the sound comes."""

    @abstractmethod
    def piece(self, pcm: bytes) -> bytes:
        """A part of the answer with this sound."""

    def end(self) -> bytes:
        """What follows the sound."""
        return b""

    @abstractmethod
    def refused(self) -> bytes:
        """What an answer of HTTP 200 says where the vendor refuses within it."""

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        self.reached.set()
        if self.silent:
            return await self.silence()
        pcm = sound(self.rate(asked), self.seconds)
        size = -(-len(pcm) // self.pieces) | 1  # odd: a sample is split between two pieces
        parts = [self.piece(pcm[at : at + size]) for at in range(0, len(pcm), size)]
        if self.refuses:
            parts = [self.refused()]
        response = web.StreamResponse(headers={"Content-Type": self.kind})
        await response.prepare(request)
        for number, part in enumerate(parts):
            await response.write(part[:100])  # values and lines are split between chunks
            if self.cut and number == len(parts) - 1:
                break_off(request)
                return response
            await response.write(part[100:])
        await response.write(self.end())
        await response.write_eof()
        return response


@dataclass(frozen=True)
class Line:
    """One open websocket, whose handshake was ``asked``."""

    socket: web.WebSocketResponse
    request: web.Request
    asked: Asked

    async def say(self, **message: Any) -> None:
        await self.socket.send_json(message)

    def break_off(self) -> None:
        break_off(self.request)


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
        line = Line(socket, request, asked)
        with contextlib.suppress(ConnectionResetError):  # messages that came before a break
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                told = json.loads(message.data)
                self.told.append(told)
                self.reached.set()
                if any(told.get(name) == value for name, value in CLOSING):
                    await socket.close()
                elif self.closes:
                    await socket.close(code=1000, message=b"no credit left")
                elif not self.silent:
                    await self.take(line, told)
        return socket

    @abstractmethod
    async def take(self, line: Line, told: dict[str, Any]) -> None:
        """Answer one message."""


def halves(pcm: bytes) -> tuple[str, str]:
    """A sentence in two pieces, as JSON carries them."""
    first, rest = (base64.b64encode(piece).decode() for piece in (pcm[:1000], pcm[1000:]))
    return first, rest


def word_times(words: Sequence[str]) -> dict[str, Any]:
    """When each word of a sentence sounds."""
    starts = [SECONDS * n / len(words) for n in range(len(words))]
    ends = [start + SECONDS / len(words) for start in starts]
    return {"words": words, "start": starts, "end": ends}
