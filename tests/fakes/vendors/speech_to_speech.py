"""What the stand-ins of speech-to-speech models share: sessions, faults, and a voice that sounds.

The n-th turn in which somebody is heard has the n-th text of the script.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from providers.common.audio import audioop
from tests.fakes.vendors.server import Asked, VendorServer, break_off
from tests.fakes.vendors.standin import sound

LOUD = 500
"""Mean level of 20 ms that hold a voice, of 32767."""
CHARACTERS_PER_SECOND = 15
PIECE_SECONDS = 0.2
"""Of sound in one message."""
PACE_SECONDS = 0.02
"""Between two messages: ten times as fast as it sounds."""
TEXT_SECONDS = 0.3
"""From the end of a turn to its text: the answer may be there before."""

Reply = str | list[tuple[str, dict[str, Any]]]
"""What it says, or the tools that it calls: each with its arguments."""


class SpeechToSpeech(VendorServer):
    """A model that hears and speaks. ``replies``: turn by turn, the last one again and again."""

    def __init__(self, *script: str, replies: Sequence[Reply] = ("Good morning to you.",)) -> None:
        super().__init__()
        self.script = list(script)
        self.replies = list(replies)
        self.sessions = list["Session"]()
        self.silent = False
        """It takes everything and answers nothing, once greeted."""
        self.refuses: dict[str, Any] | None = None
        """The error of each response."""
        self.breaks = 0
        """So many sockets break when they are asked for a response."""
        self.closes: tuple[int, str] | None = None
        """It closes the socket in order instead of greeting, with this code and reason."""
        self.delay = 0.0
        """Seconds until the first sound of a response."""

    @property
    def said(self) -> list[dict[str, Any]]:
        """All messages of the clients."""
        return [each for session in self.sessions for each in session.said]

    @property
    def complaints(self) -> list[str]:
        """What the vendor would have refused."""
        return [each for session in self.sessions for each in session.complaints]

    def next_text(self) -> str:
        return self.script.pop(0) if self.script else ""

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        refused = self.refused(asked)
        if refused is not None:
            return refused
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        session = self.session(socket, request, asked)
        self.sessions.append(session)
        if self.closes is not None:
            code, reason = self.closes
            await socket.close(code=code, message=reason.encode())
            return socket
        await session.run()
        return socket

    @abstractmethod
    def refused(self, asked: Asked) -> web.Response | None:
        """The refusal of a handshake; None: it is taken."""

    @abstractmethod
    def session(self, socket: web.WebSocketResponse, request: web.Request, asked: Asked) -> Session:
        """One open socket."""


@dataclass
class Session:
    """One socket of a client."""

    vendor: SpeechToSpeech
    socket: web.WebSocketResponse
    request: web.Request
    asked: Asked
    said: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    """The caller's sound of the turn, as 16-bit PCM."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        try:
            await self.greet()
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    told = json.loads(message.data)
                    self.said.append(told)
                    if not self.vendor.silent:
                        await self.take(told)
        finally:
            for task in self.tasks:
                task.cancel()

    async def say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionResetError):
            await self.socket.send_json(message)

    def beside(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def breaks_off(self) -> bool:
        """Whether this socket breaks now."""
        if not self.vendor.breaks:
            return False
        self.vendor.breaks -= 1
        break_off(self.request)
        return True

    def text(self, rate: int) -> str:
        """The text of what was heard in this turn."""
        step = rate // 50 * 2
        pieces = (bytes(self.heard[at : at + step]) for at in range(0, len(self.heard), step))
        loud = any(audioop.rms(each, 2) > LOUD for each in pieces if len(each) == step)
        self.heard.clear()
        return self.vendor.next_text() if loud else ""

    @abstractmethod
    async def greet(self) -> None:
        """The socket was opened."""

    @abstractmethod
    async def take(self, told: dict[str, Any]) -> None:
        """A message came."""


def spoken(text: str, rate: int) -> list[tuple[bytes, str]]:
    """A text in pieces: each with its sound, and its words ahead of them."""
    seconds = len(text) / CHARACTERS_PER_SECOND
    pcm = sound(rate, seconds)
    step = int(rate * PIECE_SECONDS) * 2
    pieces = [pcm[at : at + step] for at in range(0, len(pcm), step)] or [b""]
    words = text.split(" ")
    shown = [f"{word} " for word in words[:-1]] + words[-1:]
    each = -(-len(shown) // len(pieces)) + 1
    texts = ["".join(shown[at : at + each]) for at in range(0, len(shown), each)]
    texts += [""] * (len(pieces) - len(texts))
    return list(zip(pieces, texts, strict=True))
