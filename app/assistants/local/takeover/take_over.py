"""Who has the call: the assistant, or a supervisor. Carries out what supervisors do.

A supervisor who has the call and whose socket is lost has ``RETURN_SECONDS`` to come back. Then
the assistant has the call again, and is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from app.assistants.local.control import PipelineControl
from app.assistants.local.takeover.hold import Hold
from app.assistants.local.takeover.words import Said, SupervisorWords
from app.domain.live.control import GIVE_BACK, TAKE_OVER
from app.media.monitor.supervision import JOINED, LEFT, UPDATE
from app.media.stream import MediaStream
from app.telemetry.call_log import call_log
from providers.common.json_types import JsonObject

RETURN_SECONDS = 10.0
STORE_SECONDS = 1.0
"""For which the end of a call waits until it is stored who had it."""
LOST = "supervisor-lost"
"""Our own event: the time to come back is over."""
ASKED, LEAVES, IS_LOST = "asked", "left", "lost"
"""Why the assistant has the call again."""

TAKEN_TEXT = (
    "A human supervisor has taken the call over and speaks with the caller. "
    "You say nothing until the call is given back to you."
)
BACK_TEXT = (
    "The supervisor has given the call back to you. Go on, and keep to what they told the caller."
)
LOST_TEXT = (
    "The supervisor's connection was lost, and the call is yours again. "
    "Go on, and keep to what they told the caller."
)
UNHEARD_TEXT = "What they said is not known to you: ask the caller if you need it."

Listen = Callable[[Said], Awaitable[SupervisorWords | None]]
log = call_log(__name__)


class TakeOver:
    """The supervisors of one call, as its assistant sees them."""

    def __init__(
        self,
        stream: MediaStream,
        hold: Hold,
        engine: Callable[[], PipelineControl],
        listen: Listen,
    ) -> None:
        """``engine``: of the assistant that talks now. ``listen`` makes the transcriber."""
        self._stream = stream
        self._hold = hold
        self._engine = engine
        self._listen = listen
        self._words: SupervisorWords | None = None
        self._starting: asyncio.Task[None] | None = None
        self._present = False
        self._waiting: asyncio.Task[None] | None = None
        self._storing: asyncio.Task[None] | None = None

    async def follow(self) -> None:
        """Carry out what supervisors do, for as long as the call lasts."""
        events = self._stream.call_context.take_overs
        if self._hold.held:  # on an earlier socket of the call
            self._wait_for_return()
        while True:
            event = await events.get()
            try:
                await TABLE[str(event["type"])](self, event)
            except Exception:  # a failed take-over must not end the conversation
                log.exception("%s of a supervisor failed", event["type"])

    async def close(self) -> None:
        """The call is over on this socket."""
        self._stop_waiting()
        await self._end_words(at_once=True)
        if self._storing is not None:
            await asyncio.wait([self._storing], timeout=STORE_SECONDS)

    async def joined(self, _: JsonObject) -> None:
        self._present = True
        self._stream.supervision.update(taken=self._hold.held)
        self._stop_waiting()
        await self._end_words()
        # in a task of its own: a take-over does not wait for a transcriber
        self._starting = asyncio.create_task(self._start_words())

    async def left(self, event: JsonObject) -> None:
        self._present = False
        await self._end_words()
        if not self._hold.held:
            return
        if event["deliberate"]:
            await self._return(LEAVES, respond=None)
        else:
            self._wait_for_return()

    async def take_over(self, _: JsonObject) -> None:
        engine = self._engine()
        if engine.ending:  # its last words are spoken, and there is nothing to take
            return
        if not self._hold.held:
            self._hold.held = True
            await engine.hush()
            self._tell()
            await engine.add("system", TAKEN_TEXT, respond=False)
            if not self._present:
                self._wait_for_return()
        self._store(ASKED)

    async def give_back(self, event: JsonObject) -> None:
        respond = event.get("triggerResponseEnabled")
        await self._return(ASKED, respond=respond if isinstance(respond, bool) else None)

    async def lost(self, _: JsonObject) -> None:
        if not self._present:
            await self._return(IS_LOST, respond=True)

    async def _return(self, cause: str, *, respond: bool | None) -> None:
        """The assistant has the call. ``respond`` None: it speaks if the caller spoke last."""
        if self._hold.held:
            await self._give_back(cause, respond)
        self._store(cause)

    async def _give_back(self, cause: str, respond: bool | None) -> None:
        self._stop_waiting()
        if self._words is not None:
            await self._words.finish_turn()
        engine = self._engine()
        speaks = engine.conversation.last_speaker == "user" if respond is None else respond
        self._hold.held = False
        engine.unhush()
        self._tell()
        text = LOST_TEXT if cause == IS_LOST else BACK_TEXT
        if not self._stream.supervision.is_transcribed:
            text = f"{text} {UNHEARD_TEXT}"
        await engine.add("system", text, respond=speaks)

    def _store(self, cause: str) -> None:
        """Store who has the call. Nothing happens if it is stored: the last time may have failed.

        A store may take seconds, for which no supervisor waits.
        """
        before, taken = self._storing, self._hold.held

        async def store() -> None:
            if before is not None:
                await asyncio.wait([before])
            try:
                await self._stream.call_context.taken_over(taken=taken, cause=cause)
            except Exception:
                log.exception("who has the call was not stored")

        self._storing = asyncio.create_task(store())

    async def _said(self, text: str, began: float) -> None:
        await self._engine().supervisor_said(text, began)

    def _tell(self) -> None:
        """Tell the supervisor and the listeners who has the call."""
        supervision = self._stream.supervision
        supervision.update(taken=self._hold.held)
        self._stream.call_context.audience(UPDATE, supervision.status)

    async def _start_words(self) -> None:
        supervision, words = self._stream.supervision, None
        try:
            words = await self._listen(self._said)
        except Exception:  # the supervisor speaks all the same
            log.exception("a supervisor's words are not transcribed")
        supervision.is_transcribed = words is not None
        supervision.update(taken=self._hold.held)
        if words is not None:
            self._words = words
            supervision.heard = words.hear
            words.start()

    async def _end_words(self, *, at_once: bool = False) -> None:
        if self._starting is not None:
            await asyncio.wait([self._starting])
            self._starting = None
        words, self._words = self._words, None
        if words is not None:
            self._stream.supervision.heard = lambda pcm: None
            await words.close(at_once=at_once)

    def _wait_for_return(self) -> None:
        async def wait() -> None:
            await asyncio.sleep(RETURN_SECONDS)
            self._stream.call_context.take_overs.put_nowait({"type": LOST})

        self._stop_waiting()
        self._waiting = asyncio.create_task(wait())

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


TABLE: Mapping[str, Callable[[TakeOver, JsonObject], Awaitable[None]]] = {
    JOINED: TakeOver.joined,
    LEFT: TakeOver.left,
    TAKE_OVER: TakeOver.take_over,
    GIVE_BACK: TakeOver.give_back,
    LOST: TakeOver.lost,
}
