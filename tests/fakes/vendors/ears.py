"""What the transcribers' stand-ins share: a websocket that brings sound, and "recognition" by loudness.

The n-th utterance that is heard is the n-th sentence of the script.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from providers.common.audio import audioop
from tests.fakes.vendors.server import Asked, VendorServer, break_off

LOUD = 500
"""Mean level of a slice that holds speech, of 32767."""
SLICE_SECONDS = 0.02
PAUSE_SECONDS = 0.2
"""Quiet that ends an utterance."""
SEGMENT = 10
"""Slices of speech after which the first words are known."""


@dataclass(frozen=True)
class Heard:
    """One step of recognition. ``number``: the utterance's, from 0."""

    number: int
    text: str
    final: bool


class Recogniser:
    """Reads 16-bit mono PCM at ``rate``, in pieces of any length."""

    def __init__(self, script: Sequence[str], rate: int) -> None:
        self._script = script
        self._slice = int(rate * SLICE_SECONDS) * 2
        self._pcm = b""
        self._number = -1
        self._loud = self._quiet = 0

    def feed(self, pcm: bytes) -> Iterator[Heard]:
        self._pcm += pcm
        while len(self._pcm) >= self._slice:
            piece, self._pcm = self._pcm[: self._slice], self._pcm[self._slice :]
            yield from self._hear(audioop.rms(piece, 2) > LOUD)

    def finish(self) -> Iterator[Heard]:
        """The client says that the utterance is over. Late news, while a voice sounds, change nothing."""
        if self._loud and self._quiet:
            self._loud = self._quiet = 0
            yield Heard(self._number, self._text(), final=True)

    def _hear(self, loud: bool) -> Iterator[Heard]:
        if loud:
            self._quiet = 0
            self._loud += 1
            if self._loud == 1:
                self._number += 1
            if self._loud == SEGMENT:
                words = self._text().split()
                yield Heard(self._number, " ".join(words[: len(words) // 2 + 1]), final=False)
            return
        self._quiet += 1
        if self._quiet * SLICE_SECONDS >= PAUSE_SECONDS:
            yield from self.finish()

    def _text(self) -> str:
        return self._script[min(self._number, len(self._script) - 1)]


class Ears(VendorServer):
    """A transcriber. Faults are set before, or while, it is asked."""

    def __init__(self, *script: str) -> None:
        super().__init__()
        self.script: Sequence[str] = script
        self.mute = False
        """Takes everything and answers nothing, once greeted."""
        self.cut_after: int | None = None
        """A socket breaks once it has brought so many bytes of sound."""
        self.close_after: int | None = None
        """A socket is closed in order, without a word, after so many bytes of sound."""
        self.cuts = 1000
        """How many sockets break."""
        self.said = list[dict[str, Any]]()
        """JSON messages that came on sockets."""
        self.sound = bytearray()

    @property
    def bodies(self) -> list[Any]:
        """JSON that was posted."""
        return [asked.body for asked in self.asked if asked.method == "POST"]

    async def until(self, count: int) -> None:
        """Wait for so many requests."""
        while len(self.asked) < count:
            self.came.clear()
            await self.came.wait()

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        if request.method == "POST":
            return await self.post(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self._listen(request, socket)
        return socket

    async def _listen(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        await self.greet(request, socket)
        before = len(self.sound)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                self.sound += message.data
                if not self.mute:
                    await self.hear(socket, message.data)
            elif message.type == WSMsgType.TEXT:
                body = self.parsed(message.data)
                self.said.append(body)
                await self.read(socket, body)
            if self.close_after and len(self.sound) - before >= self.close_after:
                await socket.close(code=1000, message=b"no credit left")
                return
            if self.cuts and self.cut_after and len(self.sound) - before >= self.cut_after:
                self.cuts -= 1
                break_off(request)
                return

    # -- what a vendor is

    def parsed(self, text: str) -> dict[str, Any]:
        """A text message, for ``read``."""
        found: dict[str, Any] = json.loads(text)
        return found

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request of a vendor that has no HTTP beside its socket."""
        raise web.HTTPNotFound

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        """A socket was opened."""

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        """Sound came."""

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        """A JSON message came."""
