"""A phone call with the local assistant: a carrier's socket on which somebody speaks and listens.

The caller's sound is sent as carriers send it, 20 ms at a time, by the clock of the test's loop
(``tests.clock``): 20 ms have passed when all that heard them is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.domain.assistant.history import History
from app.media.limits import Limits
from app.store.commands import Command
from app.vendors.common.account import VendorAccount
from providers.common.audio import audioop
from providers.events import EndedReason
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.deepgram_listen import DeepgramListen
from tests.media.domain import Domain
from tests.media.server import calling, serving
from tests.speech import speech

Row = TypeVar("Row")
Found = TypeVar("Found")

STEP = 0.02
AT_ONCE = 8
LOUD = 300
"""Mean level of 20 ms that hold a voice."""
LIMITS = Limits(drain_seconds=2.0, grace_seconds=1.0, watch_seconds=0.05)
MODEL = {"provider": "openai", "model": "gpt-4o"}
TRANSCRIBER = {"provider": "deepgram", "model": "nova-2", "language": "en"}


@dataclass
class Call:
    """One call in progress."""

    caller: Caller
    socket: ClientConnection
    domain: Domain
    address: str
    """Of the application, ``host:port``."""
    heard: bytearray = field(default_factory=bytearray)
    """All PCM that came."""
    clears: int = 0
    over: bool = False
    _queue: list[bytes] = field(default_factory=list)

    def say(self, name: str) -> None:
        """Begin to speak a sentence of ``tests.speech``."""
        pcm = speech(name, self.caller.rate)
        step = int(self.caller.rate * STEP) * 2
        pieces = [pcm[at : at + step] for at in range(0, len(pcm), step)]
        self._queue.extend(piece.ljust(step, b"\0") for piece in pieces)

    def give(self, **command: Any) -> None:
        """A command, as live control stores it."""
        self.domain.given.append(Command("token-1", command))

    def pause(self, seconds: float) -> None:
        """Say nothing for so long, behind what is being said."""
        quiet = bytes(int(self.caller.rate * STEP) * 2)
        self._queue.extend([quiet] * round(seconds / STEP))

    async def send_at_once(self, name: str) -> None:
        """A sentence faster than it can be spoken: what a network kept back."""
        pcm, step = speech(name, self.caller.rate), int(self.caller.rate * STEP) * 2
        for at in range(0, len(pcm) - step, step):
            await self.socket.send(self.caller.sound(pcm[at : at + step]))

    async def press(self, key: str) -> None:
        await self.socket.send(self.caller.digit(key))

    async def stop(self) -> None:
        """The caller hangs up, and the carrier says so."""
        if isinstance(self.caller, TwilioCaller):
            await self.socket.send(self.caller.stop())

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for a condition of what is heard, or told to the domain."""
        try:
            await self.domain.until(lambda: self.over or done())
        except asyncio.CancelledError:  # the test's patience is over
            print("still waiting, after:", *self.domain.told, self.transcript, sep="\n  ")
            raise
        assert done(), self.domain.told

    async def said(self, text: str) -> None:
        """Wait until the transcript holds this."""
        await self.until(lambda: text in self.transcript)

    async def end(self) -> EndedReason | None:
        """Wait for the end; why, if it was the assistant's decision."""
        await self.domain.until(lambda: self.over)
        return self.reason

    @property
    def reason(self) -> EndedReason | None:
        return next((told[2] for told in self.domain.told if told[0] == "intend"), None)

    @property
    def message(self) -> str | None:
        return next((told[3] for told in self.domain.told if told[0] == "intend"), None)

    @property
    def clock(self) -> float:
        """Seconds, by the clock of the test's loop."""
        return asyncio.get_running_loop().time()

    @property
    def transcript(self) -> str:
        return str(self.domain.kept.get("transcript", ""))

    def sounds(self) -> bool:
        """Whether a voice was heard."""
        step = int(self.caller.rate * STEP) * 2
        pieces = (bytes(self.heard[at : at + step]) for at in range(0, len(self.heard), step))
        return any(audioop.rms(piece, 2) > LOUD for piece in pieces if len(piece) == step)

    async def send(self) -> None:
        """The caller's side, until the socket is closed."""
        loop, due = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        quiet = bytes(int(self.caller.rate * STEP) * 2)
        try:
            while True:
                piece = self._queue.pop(0) if self._queue else quiet
                await self.socket.send(self.caller.sound(piece))
                due += STEP
                await asyncio.sleep(max(0.0, due - loop.time()))
        except ConnectionClosed:
            return

    async def listen(self) -> None:
        """The assistant's side, until the socket is closed."""
        async for message in self.socket:
            pcm = self.caller.heard(message)
            if pcm is not None:
                self.heard += pcm
            elif "clear" in str(message):
                self.clears += 1
            reply = self.caller.mark_reply(message)
            if reply is not None:
                await self.socket.send(reply)
            self.domain.wake()
        self.over = True
        self.domain.wake()


@dataclass
class Vendors:
    """The stand-ins of one call, and the accounts that lead to them."""

    chat: Chat
    ears: DeepgramListen

    @property
    def keys(self) -> dict[str, VendorAccount]:
        return {
            "openai": VendorAccount("key", f"{self.chat.url}/v1"),
            "deepgram": VendorAccount("key", self.ears.url),
        }


@asynccontextmanager
async def vendors(*script: str, replies: str = "Good morning to you.") -> AsyncIterator[Vendors]:
    """A model and a transcriber. ``script``: what is understood, utterance by utterance."""
    async with Chat(replies) as chat, DeepgramListen(*script) as ears:
        yield Vendors(chat, ears)


@asynccontextmanager
async def talking(
    caller: Caller,
    assistant: Mapping[str, Any],
    theirs: Vendors | None = None,
    *,
    keys: Mapping[str, VendorAccount] | None = None,
    given: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    history: History | None = None,
    taken_over: bool = False,
    transfer: str = "",
    **facts: Any,
) -> AsyncIterator[Call]:
    """A call that is up. ``assistant``: as from the API; the embedded voice where it has none.
    ``given``: commands that wait for the socket."""
    whole = {
        **({"model": MODEL, "transcriber": TRANSCRIBER} if theirs else {}),
        "startSpeakingPlan": {"waitSeconds": 0.3},
        **assistant,
    }
    known = {**(theirs.keys if theirs else {}), **(keys or {})}
    call = {"id": "token-1", "metadata": {}, "customer": {}, "type": "inboundPhoneCall", **facts}
    domain = Domain(backend="local", assistant=whole, accounts=known, call=call)
    if transfer:  # whose operator is on the socket
        domain.claim_values["transfer"] = transfer
    if taken_over:  # by a supervisor, on an earlier socket
        domain.claim_values["taken_over"] = True
    if history is not None:
        domain.claim_values["history"] = history
    vars(domain.context.settings).update(settings or {})
    domain.given += [Command("token-1", command) for command in given]
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(domain, LIMITS))
        socket = await stack.enter_async_context(calling(served, caller))
        made = Call(caller, socket, domain, served.address)
        tasks = [asyncio.create_task(made.send()), asyncio.create_task(made.listen())]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()


async def together(
    rows: Mapping[str, Row], call: Callable[[Row], Awaitable[Found]]
) -> dict[str, Found]:
    """A call for each row of a table, several at the same time: most of their seconds are waits."""
    seats = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> Found:
        async with seats:
            return await call(row)

    found = await asyncio.gather(*(one(row) for row in rows.values()))
    return dict(zip(rows, found, strict=True))
