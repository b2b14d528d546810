"""A telephone at a whole bridge: a caller speaks and listens in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from providers.common.audio import audioop
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import Caller
from tests.speech import speech

STEP = 0.02
LATE = 0.1
"""Seconds a phone makes up for. More is lost, or many steps at once would look like a pause."""
LOUD = 300
"""Mean level of 20 ms that hold a voice."""


@dataclass
class Phone:
    """One call in progress."""

    caller: Caller
    socket: ClientConnection
    turns: int = 0
    """How often the assistant began to speak after half a second of quiet."""
    _quiet: float = 1.0
    _queue: list[bytes] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, name: str) -> None:
        """Begin to speak a sentence of ``tests.speech``."""
        pcm = speech(name, self.caller.rate)
        step = int(self.caller.rate * STEP) * 2
        self._queue += [pcm[at : at + step].ljust(step, b"\0") for at in range(0, len(pcm), step)]

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._changed.clear()
            await self._changed.wait()

    async def hears(self, turns: int) -> None:
        """Wait until the assistant has spoken so often, and is quiet again."""
        await self.until(lambda: self.turns >= turns and self._quiet >= 0.5)

    async def send(self) -> None:
        loop, due = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        quiet = bytes(int(self.caller.rate * STEP) * 2)
        try:
            while True:
                await self.socket.send(
                    self.caller.sound(self._queue.pop(0) if self._queue else quiet)
                )
                due = max(due, loop.time() - LATE) + STEP
                self._quiet += STEP
                self._changed.set()
                await asyncio.sleep(max(0.0, due - loop.time()))
        except ConnectionClosed:
            return

    async def listen(self) -> None:
        async for message in self.socket:
            pcm = self.caller.heard(message)
            if pcm is not None and audioop.rms(pcm, 2) > LOUD:
                self.turns += self._quiet >= 0.5
                self._quiet = 0.0
            reply = self.caller.mark_reply(message)
            if reply is not None:
                await self.socket.send(reply)


@asynccontextmanager
async def phoning(carrier: str, call: Mapping[str, Any], ref: str = "") -> AsyncIterator[Phone]:
    """The leg of this bypass call, its socket open. ``ref``: the leg that its webhooks name."""
    fake = FAKES[carrier]
    url, caller = fake.media_url(call["phoneCallProviderDetails"]), fake.caller(call["id"], ref)
    signed = fake.signer.handshake(url)
    async with connect(url, additional_headers=signed, proxy=None, compression=None) as socket:
        for message in caller.opening():
            await socket.send(message)
        phone = Phone(caller, socket)
        tasks = [asyncio.create_task(phone.send()), asyncio.create_task(phone.listen())]
        try:
            yield phone
        finally:
            for task in tasks:
                task.cancel()
