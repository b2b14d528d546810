"""One claimed media socket: the carrier's start, the assistant, the end, and who is told of it.

Three tasks: one reads the carrier, one is the assistant, one (``run``) waits for the first cause
to end it all. What is reported is committed before the socket is closed, because the carrier
asks what now as soon as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from app.domain.services.media import MediaService, Seat
from app.domain.timings import Timing
from app.media.backend import Assistant, AssistantFailed
from app.media.call_context import Desk
from app.media.close_reason import Ending, Fate, How
from app.media.event_writer import Reports
from app.media.frame_queue import Overrun
from app.media.limits import Flooded, FloodGuard, Limits
from app.media.monitor.listeners import LOST, OVER, Monitor
from app.media.recording import spool
from app.media.socket import Gone, Socket
from app.media.stream import Line
from app.net.threads import aside
from providers.base.media import Digit, Frame, StreamStart, StreamStop, UnknownFrame
from providers.errors import BadRequest, Refused
from providers.events import EndedReason

Backends = Mapping[str, Callable[[Seat], Assistant]]

OPENING_MESSAGES = 20
"""Messages before the carrier's start that a relay is given again; stray sound may be among them."""
UNKNOWN_WORDS = 20
"""Different unknown messages noted per socket."""
INVALID, NOT_ALLOWED, FAILED, GOING_AWAY = 1007, 1008, 1011, 1001
"""Close codes: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

log = logging.getLogger(__name__)


class Session:
    """Runs one accepted socket. ``fate`` may be sealed by anybody on the loop."""

    def __init__(
        self, seat: Seat, socket: Socket, service: MediaService, backends: Backends, limits: Limits
    ) -> None:
        self.seat = seat
        self.fate = Fate()
        self._socket = socket
        self._service = service
        self._backends = backends
        self._limits = limits
        self._codec = seat.provider.codec()
        self._flood = FloodGuard(limits)
        self._opening = list[str | bytes]()
        self._words = set[str]()
        self._started_at = 0.0
        """When the carrier's start came, by the loop's clock."""
        self.desk = Desk(service, seat)
        self.monitor: Monitor | None = None
        """While the call is up."""

    async def run(self) -> None:
        """From the accepted handshake to the closed socket."""
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                start = await self._await_start()
        except TimeoutError:
            return await self._turn_away(NOT_ALLOWED, "no start")
        except (BadRequest, Flooded) as error:
            return await self._turn_away(NOT_ALLOWED, str(error))
        except Gone:
            return None
        async with Reports(self._service, self.seat) as reports:
            try:
                await reports.joined(start)
            except Refused as error:
                return await self._turn_away(NOT_ALLOWED, str(error))
            except SQLAlchemyError:
                log.exception(
                    "call %s: its start was not stored",
                    self.seat.call_id,
                    extra={"callId": self.seat.call_id},
                )
                self._service.unstored(self.seat)
                return await self._turn_away(FAILED, "try again")
            return await self._talk(start, reports)

    async def _await_start(self) -> StreamStart:
        while True:
            raw, frame = await self._receive()
            if isinstance(raw, str) and len(self._opening) < OPENING_MESSAGES:
                self._opening.append(raw)
            if isinstance(frame, StreamStart):
                self._started_at = asyncio.get_running_loop().time()
                return frame

    async def _receive(self) -> tuple[str | bytes, Frame]:
        raw = await self._socket.receive()
        self._flood.count(asyncio.get_running_loop().time())
        return raw, self._codec.decode(raw)

    async def _turn_away(self, code: int, word: str) -> None:
        """It never joined, so nothing is reported: the carrier asks what now."""
        log.warning(
            "call %s: media socket closed: %s",
            self.seat.call_id,
            word,
            extra={"callId": self.seat.call_id},
        )
        await self._socket.close(code, word)

    # -- while the call is up

    async def _talk(self, start: StreamStart, reports: Reports) -> None:
        desk = self.desk
        line = Line(self._socket, self._codec, start, self._opening, self.fate, self._limits, desk)
        line.on_first_sound = self._measure_first_sound
        self.monitor = Monitor(line, self.seat.assistant)
        desk.audience = self.monitor.tell
        await self._take_commands()
        clock = asyncio.get_running_loop().time  # ``line.now``, for a thread
        taping = await asyncio.to_thread(
            spool.start, self._service, self.seat, line.sample_rate, clock
        )
        line.taps += [taping] if taping else []
        reader = asyncio.create_task(self._read(line, reports))
        assistant = asyncio.create_task(self._assist(line))
        try:
            ending = await self.fate.sealed()
            log.info(
                "call %s: media ends: %s %s",
                self.seat.call_id,
                ending.how.value,
                ending.word,
                extra={"callId": self.seat.call_id},
            )
            await self._report(ending, line, reader, reports)
            self.monitor.close(LOST if ending.how in (How.LOST, How.SHUTDOWN) else OVER)
            await self._let_go(ending, line, assistant, reports)
        finally:
            reader.cancel()
            assistant.cancel()
            if taping:
                taping.close()
            self.monitor.close(self.monitor.farewell)
            self.monitor = None
            await desk.close()
        await self._socket.close(ending.code, ending.word)
        if taping:
            await aside(partial(spool.hand_over, self._service, taping.directory))

    def _measure_first_sound(self) -> None:
        now = asyncio.get_running_loop().time()
        self.desk.observe(Timing.FIRST_SOUND, now - self._started_at)

    async def _take_commands(self) -> None:
        """Those given before the socket was open; the hub brings all others."""
        try:
            for command in await asyncio.to_thread(self._service.commands, [self.seat]):
                self.desk.give(command.body)
        except SQLAlchemyError:
            log.exception(
                "call %s: its commands were not read",
                self.seat.call_id,
                extra={"callId": self.seat.call_id},
            )

    async def _read(self, line: Line, reports: Reports) -> None:
        """Every message of the carrier, until one of them, or the lack of them, ends the call."""
        try:
            while True:
                raw, frame = await self._receive()
                self._note(frame, reports)
                line.deliver(frame, raw)
                if isinstance(frame, StreamStop):
                    return self.fate.seal(Ending(How.STOPPED))
        except Gone as gone:
            self.fate.seal(Ending(How.LOST, word=str(gone)))
        except BadRequest as error:
            self._break_off(INVALID, str(error), reports)
        except (Flooded, Overrun) as error:
            self._break_off(NOT_ALLOWED, str(error), reports)
        except Exception:
            log.exception(
                "call %s: reading the media socket failed",
                self.seat.call_id,
                extra={"callId": self.seat.call_id},
            )
            self._break_off(FAILED, "internal error", reports)
        finally:
            line.end()

    def _break_off(self, code: int, word: str, reports: Reports) -> None:
        log.warning(
            "call %s: media socket broken off: %s",
            self.seat.call_id,
            word,
            extra={"callId": self.seat.call_id},
        )
        reports.note("media.refused", {"word": word})
        self.fate.seal(Ending(How.LOST, code, word))

    def _note(self, frame: Frame, reports: Reports) -> None:
        if isinstance(frame, Digit):
            reports.note("digit", {})  # that one was pressed; which may be part of a PIN
        elif isinstance(frame, UnknownFrame) and self._is_news(frame.word):
            reports.note("media.unknown", {"word": frame.word})

    def _is_news(self, word: str) -> bool:
        news = word not in self._words and len(self._words) < UNKNOWN_WORDS
        if news:
            self._words.add(word)
        return news

    async def _assist(self, line: Line) -> None:
        try:
            assistant = self._backends[self.seat.backend](self.seat)
            reason = await assistant.run(line)
        except AssistantFailed as error:
            self._blame(str(error))
        except Exception:
            log.exception(
                "call %s: the assistant failed",
                self.seat.call_id,
                extra={"callId": self.seat.call_id},
            )
            self._blame("The assistant failed; the log says how.")
        else:
            decided, message = line.decision or (reason or EndedReason.ASSISTANT_ENDED_CALL, None)
            self.fate.seal(Ending(How.OURS, reason=decided, message=message))

    def _blame(self, message: str) -> None:
        error = EndedReason.ASSISTANT_ERROR
        self.fate.seal(Ending(How.OURS, reason=error, message=message))

    # -- the end

    async def _report(
        self, ending: Ending, line: Line, reader: asyncio.Task[None], reports: Reports
    ) -> None:
        if line.decision and ending.how not in (How.OURS, How.OVER):
            await reports.intend(*line.decision)
        match ending.how:
            case How.STOPPED:
                await reports.stopped()
            case How.LOST:
                await reports.lost()
            case How.SHUTDOWN:
                await reports.lost(EndedReason.SERVER_SHUTDOWN)
            case How.CUT:
                await reports.intend(ending.reason, ending.message)
            case How.OURS:
                await line.desk.flush()  # the report that follows holds the last words
                await reports.intend(ending.reason, ending.message)
                await _first(asyncio.create_task(line.played()), reader)

    async def _let_go(
        self, ending: Ending, line: Line, assistant: asyncio.Task[None], reports: Reports
    ) -> None:
        """The assistant may finish when the carrier has gone; in all other cases it is cancelled."""
        if line.dropped:
            reports.note("media.dropped", {"messages": line.dropped})
        if ending.how not in (How.STOPPED, How.LOST):
            assistant.cancel()
        await asyncio.wait([assistant], timeout=self._limits.grace_seconds)


async def _first(task: asyncio.Task[None], other: asyncio.Task[None]) -> None:
    """Wait for the task, or the other one if that ends before it."""
    try:
        await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
