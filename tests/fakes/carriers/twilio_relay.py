"""A caller in a session of Twilio's ConversationRelay, and Twilio's voice there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from app.store.commands import Command
from app.vendors.common.account import VendorAccount
from providers.common.json_types import JsonDict
from providers.events import EndedReason
from providers.twilio.simulator.relay import RelayMessages, understood
from tests.assistants.local.talk import LIMITS, MODEL
from tests.media.domain import Domain
from tests.media.server import serving

MESSAGES = RelayMessages("AC" + "2" * 32, "CA" + "1" * 32, {"callId": "token-1"}, "VX" + "0" * 32)
TRANSPORT = {"provider": "twilio", "conversationType": "conversation-relay"}
CHARACTERS_PER_SECOND = 15.0


@dataclass
class Session:
    """One session in progress. The voice says one text after the other, by the loop's clock."""

    socket: ClientConnection
    domain: Domain
    tells: bool = True
    """Whether the voice tells which words it has said."""
    sent: list[JsonDict] = field(default_factory=list)
    """The bridge's messages."""
    lines: list[str] = field(default_factory=list)
    """What was heard, text by text."""
    over: bool = False
    _heard: str = ""
    _waiting: list[JsonDict] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _cuts: int = 0

    async def say(self, words: str) -> None:
        """The caller says this, over the voice if it speaks."""
        await self.cut()
        await self.socket.send(MESSAGES.prompt(words))

    async def cut(self) -> None:
        """The caller speaks over the voice, if it speaks and lets itself be interrupted."""
        now = self._waiting[0] if self._waiting else {}
        if self._heard and now.get("interruptible", True):
            heard = self._heard.strip()
            self._drop()
            await self.socket.send(MESSAGES.interrupt(heard, 460))

    async def press(self, key: str) -> None:
        await self.socket.send(MESSAGES.dtmf(key))

    def give(self, **command: Any) -> None:
        """A command, as live control stores it."""
        self.domain.given.append(Command("token-1", command))

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for a condition of what is heard, or told to the domain."""
        await self.domain.until(lambda: self.over or done())
        assert done(), (self.domain.told, self.sent)

    async def heard(self, line: str) -> None:
        """Wait until a whole text, or what is left of it, was heard."""
        await self.until(lambda: line in self.lines)

    async def begins(self, words: str) -> None:
        """Wait until the voice has said this of a text."""
        await self.until(lambda: words in self._heard)

    async def said(self, text: str) -> None:
        """Wait until the transcript holds this."""
        await self.until(lambda: text in self.transcript)

    async def end(self) -> EndedReason | None:
        """Wait for the end; why, if it was the assistant's decision."""
        await self.domain.until(lambda: self.over)
        return next((told[2] for told in self.domain.told if told[0] == "intend"), None)

    @property
    def transcript(self) -> str:
        return str(self.domain.kept.get("transcript", ""))

    @property
    def texts(self) -> list[JsonDict]:
        """The pieces of text that the bridge has sent."""
        return [each for each in self.sent if each["type"] == "text"]

    async def listen(self) -> None:
        async for message in self.socket:
            body = understood(message)
            self.sent.append(body)
            if body["type"] == "text":
                if any(each["last"] and each["preemptible"] for each in self._waiting):
                    self._drop()
                words = re.findall(r"\S+\s*|\s+", body["token"]) or [""]
                last = [*[False] * (len(words) - 1), body["last"]]
                pieces = zip(words, last, strict=True)
                self._waiting += [{**body, "token": word, "last": end} for word, end in pieces]
                self._more.set()
            self.domain.wake()
        self.over = True
        self.domain.wake()

    async def speak(self) -> None:
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            piece, cuts = self._waiting[0], self._cuts
            await asyncio.sleep(len(piece["token"]) / CHARACTERS_PER_SECOND)
            if cuts != self._cuts:
                continue
            self._waiting.pop(0)
            self._heard += piece["token"]
            if self.tells and piece["token"]:
                await self.socket.send(MESSAGES.info("tokensPlayed", piece["token"]))
            if piece["last"]:
                self._line()
            self.domain.wake()

    def _drop(self) -> None:
        self._cuts += 1
        self._waiting.clear()
        self._line()

    def _line(self) -> None:
        if self._heard:
            self.lines.append(self._heard.strip())
        self._heard = ""
        self.domain.wake()


@asynccontextmanager
async def in_session(
    assistant: Mapping[str, Any],
    keys: Mapping[str, VendorAccount] | None = None,
    *,
    given: Sequence[Mapping[str, Any]] = (),
    tells: bool = True,
    **facts: Any,
) -> AsyncIterator[Session]:
    """A call that is up. ``keys``: the vendors' accounts; with them OpenAI's model answers."""
    whole = {**({"model": MODEL} if keys else {}), "transport": TRANSPORT, **assistant}
    call = {"id": "token-1", "metadata": {}, "customer": {}, "type": "inboundPhoneCall", **facts}
    domain = Domain(backend="local", assistant=whole, accounts=dict(keys or {}), call=call)
    domain.given += [Command("token-1", command) for command in given]
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(domain, LIMITS))
        url = served.url("twilio")
        socket = await stack.enter_async_context(connect(url, proxy=None, max_queue=None))
        await socket.send(MESSAGES.setup())
        made = Session(socket, domain, tells)
        tasks = [asyncio.create_task(made.listen()), asyncio.create_task(made.speak())]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
