"""One claimed media socket: the carrier's start, the assistant, the end, and the stored events.

Three tasks run: one reads the carrier, one is the assistant, and ``run`` waits for the first cause
to close. The event is committed before the socket is closed. The carrier asks for the next
instruction right after the close.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from app.domain.live import control
from app.domain.services.media import MediaService, StreamClaim
from app.domain.timings import Timing
from app.media import commands
from app.media.backend import AssistantBackend, AssistantFailed
from app.media.call_context import CallContext
from app.media.close_reason import CloseCause, CloseOnce, CloseReason
from app.media.customer_messages import CustomerMessages
from app.media.event_writer import EventWriter
from app.media.frame_queue import QueueFull
from app.media.limits import FloodGuard, Limits, TooManyMessages
from app.media.monitor.listeners import LOST, OVER, Monitor
from app.media.recording import spool
from app.media.recording.spool import SpooledRecorder
from app.media.socket import Socket, SocketClosed
from app.media.sounds import Sounds
from app.media.stream import MediaStream
from app.media.text_stream import TextStream
from app.telemetry.call_log import CallIds, call_log, name_call
from providers.base.media import (
    ClientMessage,
    Complaint,
    Digit,
    Frame,
    MediaSerializer,
    StreamStart,
    StreamStop,
    TextSerializer,
    UnknownFrame,
)
from providers.errors import BadRequest, Refused
from providers.events import EndedReason

Backends = Mapping[str, Callable[[StreamClaim], AssistantBackend]]

# Messages kept before the carrier's start, for a relay. Stray audio may be among them.
OPENING_MESSAGES = 20
# Different unknown messages noted per socket.
UNKNOWN_WORDS = 20
# Close codes: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
INVALID, NOT_ALLOWED, FAILED, GOING_AWAY = 1007, 1008, 1011, 1001

# The code of a client that closed its socket on purpose. 1005 is none: the server also writes it
# for a connection that was cut.
LEFT = 1000

# Causes after which the call may have another socket.
GOES_ON = frozenset({CloseCause.LOST, CloseCause.SUPERSEDED, CloseCause.SHUTDOWN})

log = call_log(__name__)


class MediaSession:
    """Runs one accepted socket. Any task on the loop may set ``close_once``."""

    def __init__(
        self,
        claim: StreamClaim,
        socket: Socket,
        service: MediaService,
        backends: Backends,
        limits: Limits,
    ) -> None:
        self.claim = claim
        self.close_once = CloseOnce()
        self._socket = socket
        self._service = service
        self._backends = backends
        self._limits = limits
        self._serializer, self._text = _serializers(claim)
        self._flood = FloodGuard(limits)
        self._opening = list[str | bytes]()
        self._words = set[str]()
        # When the carrier's start came, by the loop's clock.
        self._started_at = 0.0
        self.call_context = CallContext(service, claim)
        # Set while the call is up.
        self.monitor: Monitor | None = None
        # The spooled recording, once it is closed.
        self.recording: SpooledRecorder | None = None

    @property
    def started(self) -> bool:
        """Whether the carrier's start came."""
        return bool(self._started_at)

    async def run(self) -> None:
        """Run from the accepted handshake to the closed socket."""
        name_call(CallIds(self.claim.call_id, self.claim.call.get("phoneCallProviderId")))
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                start = await self._await_start()
        except TimeoutError:
            return await self._refuse(NOT_ALLOWED, "no start")
        except (BadRequest, TooManyMessages) as error:
            return await self._refuse(NOT_ALLOWED, str(error))
        except SocketClosed:
            return None
        async with EventWriter(self._service, self.claim) as reports:
            try:
                await reports.joined(start)
            except Refused as error:
                return await self._refuse(NOT_ALLOWED, str(error))
            except SQLAlchemyError as error:
                self._service.store_failed(error)
                log.error("call %s: its start was not stored", self.claim.call_id)
                self._service.pending_db_errors(self.claim)
                return await self._refuse(FAILED, "try again")
            return await self._run_call(start, reports)

    async def _await_start(self) -> StreamStart:
        if not self.claim.provider.phone:  # its client has nothing to say that the token does not
            self._started_at = asyncio.get_running_loop().time()
            return StreamStart(None, None, None, self._serializer.sample_rate)
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
        return raw, self._serializer.decode(raw)

    async def _refuse(self, code: int, word: str) -> None:
        """Close a socket that never joined.

        No event is stored: the carrier asks for the next instruction.
        """
        log.warning("call %s: media socket closed: %s", self.claim.call_id, word)
        await self._socket.close(code, word)

    # -- while the call is up

    async def _run_call(self, start: StreamStart, reports: EventWriter) -> None:
        call_context = self.call_context
        stream = self._stream(start)
        stream.supervision.is_taken = self.claim.taken_over
        stream.on_first_sound = self._measure_first_sound
        self.monitor = Monitor(stream)
        customer = CustomerMessages(stream)
        call_context.audience = customer.beside(self.monitor.tell)
        await self._take_commands()
        taping = await self._record(stream)
        reader = asyncio.create_task(self._read(stream, reports))
        assistant = asyncio.create_task(self._run_assistant(stream))
        try:
            reason = await self.close_once.wait()
            log.info(
                "call %s: media ends: %s %s", self.claim.call_id, reason.cause.value, reason.word
            )
            await self._report(reason, stream, reader, reports)
            self.monitor.close(LOST if reason.cause in GOES_ON else OVER)
            await self._release(reason, stream, assistant, reports)
        finally:
            reader.cancel()
            assistant.cancel()
            if taping:
                taping.close()
                self.recording = taping
            self.monitor.close(self.monitor.farewell)
            customer.close()
            self.monitor = None
            await call_context.close()
        await stream.goodbye()
        await self._socket.close(reason.code, reason.word)

    def _stream(self, start: StreamStart) -> MediaStream:
        rest = (start, self._opening, self.close_once, self._limits, self.call_context)
        if self._text is not None:
            return TextStream(self._socket, self._text, *rest)
        return MediaStream(self._socket, self._serializer, *rest)

    async def _record(self, stream: MediaStream) -> spool.SpooledRecorder | None:
        """Begin our recording, if the call has one. It can be paused by the stream."""
        clock = asyncio.get_running_loop().time  # ``stream.now``, for a thread
        taping = await spool.begin(self._service, self.claim, stream.sample_rate, clock)
        if taping:
            stream.sounds = Sounds(stream.sample_rate, clock, taping.began)
        stream.taps += [stream.sounds, *([taping] if taping else [])]
        stream.recorder = taping
        stream.pause_recording(paused=self.claim.assistant.recording.is_forbidden)
        return taping

    def _measure_first_sound(self) -> None:
        now = asyncio.get_running_loop().time()
        self.call_context.observe(Timing.FIRST_SOUND, now - self._started_at)

    async def _take_commands(self) -> None:
        """Take the commands from before the socket was open. The hub delivers all later ones."""
        try:
            await commands.deliver(self._service, [(self.claim, self.call_context)])
        except SQLAlchemyError as error:
            self._service.store_failed(error)
            log.error("call %s: its commands were not read", self.claim.call_id)

    async def _read(self, stream: MediaStream, reports: EventWriter) -> None:
        """Read the carrier's messages until one of them, or the socket's end, ends the call."""
        try:
            while True:
                raw, frame = await self._receive()
                self._note(frame, reports)
                if isinstance(frame, ClientMessage):
                    self._execute(frame)
                stream.deliver(frame, raw)
                if isinstance(frame, StreamStop):
                    return self.close_once.set(CloseReason(CloseCause.STOPPED))
        except SocketClosed as gone:
            # of a phone's leg the carrier tells more: it asks for the next document, or reports the end
            left = gone.code == LEFT and not self.claim.provider.phone
            cause = CloseCause.STOPPED if left else CloseCause.LOST
            self.close_once.set(CloseReason(cause, word=str(gone)))
        except BadRequest as error:
            self._end_with_error(INVALID, str(error), reports)
        except (TooManyMessages, QueueFull) as error:
            self._end_with_error(NOT_ALLOWED, str(error), reports)
        except Exception:
            log.exception("call %s: reading the media socket failed", self.claim.call_id)
            self._end_with_error(FAILED, "internal error", reports)
        finally:
            stream.end()

    def _end_with_error(self, code: int, word: str, reports: EventWriter) -> None:
        log.warning("call %s: media socket broken off: %s", self.claim.call_id, word)
        reports.note("media.refused", {"word": word})
        self.close_once.set(CloseReason(CloseCause.LOST, code, word))

    def _note(self, frame: Frame, reports: EventWriter) -> None:
        if isinstance(frame, Digit):
            # The note says that a key was pressed, not which: it may be part of a PIN.
            reports.note("digit", {})
        elif isinstance(frame, Complaint):
            if self._is_new_word(frame.text):
                # Its text may quote the assistant's words, which no log has.
                log.warning(
                    "call %s: the carrier complains: its event media.complaint says of what",
                    self.claim.call_id,
                )
                reports.note("media.complaint", {"word": frame.text})
        elif isinstance(frame, UnknownFrame) and self._is_new_word(frame.word):
            reports.note("media.unknown", {"word": frame.word})

    def _execute(self, message: ClientMessage) -> None:
        """Hand a control message of the customer's own program to the assistant, if it may."""
        waiting = self.call_context.commands.qsize()
        if self.claim.backend not in control.CONTROLLABLE or waiting >= control.MAX_WAITING:
            return
        if self.call_context.claim.assistant.may_be_controlled and control.is_whole(message.body):
            self.call_context.push_command(message.body)

    def _is_new_word(self, word: str) -> bool:
        news = word not in self._words and len(self._words) < UNKNOWN_WORDS
        if news:
            self._words.add(word)
        return news

    async def _run_assistant(self, stream: MediaStream) -> None:
        try:
            assistant = self._backends[self.claim.backend](self.claim)
            reason = await assistant.run(stream)
        except AssistantFailed as error:
            self._assistant_failed(str(error))
        except Exception:
            log.exception("call %s: the assistant failed", self.claim.call_id)
            self._assistant_failed("The assistant failed; the log says how.")
        else:
            decided, message = stream.end_reason or (
                reason or EndedReason.ASSISTANT_ENDED_CALL,
                None,
            )
            self.close_once.set(CloseReason(CloseCause.OURS, reason=decided, message=message))

    def _assistant_failed(self, message: str) -> None:
        error = EndedReason.ASSISTANT_ERROR
        self.close_once.set(CloseReason(CloseCause.OURS, reason=error, message=message))

    # -- the end

    async def _report(
        self,
        reason: CloseReason,
        stream: MediaStream,
        reader: asyncio.Task[None],
        reports: EventWriter,
    ) -> None:
        if stream.end_reason and reason.cause not in (CloseCause.OURS, CloseCause.OVER):
            await reports.request_end(*stream.end_reason)
        match reason.cause:
            case CloseCause.STOPPED:
                await reports.stopped()
            case CloseCause.LOST | CloseCause.SUPERSEDED:
                await reports.lost(word=reason.word)
            case CloseCause.SHUTDOWN:
                await reports.lost(EndedReason.SERVER_SHUTDOWN)
            case CloseCause.CUT:
                await reports.request_end(reason.reason, reason.message)
            case CloseCause.OURS:
                await stream.call_context.flush()  # the end-of-call report holds the last words
                await reports.request_end(reason.reason, reason.message)
                await _first(asyncio.create_task(stream.played()), reader)

    async def _release(
        self,
        reason: CloseReason,
        stream: MediaStream,
        assistant: asyncio.Task[None],
        reports: EventWriter,
    ) -> None:
        """Let the assistant finish when the carrier has gone; cancel it in all other cases."""
        if stream.dropped:
            reports.note("media.dropped", {"messages": stream.dropped})
        if reason.cause not in (CloseCause.STOPPED, CloseCause.LOST):
            assistant.cancel()
        await asyncio.wait([assistant], timeout=self._limits.grace_seconds)


def _serializers(claim: StreamClaim) -> tuple[MediaSerializer, TextSerializer | None]:
    """The socket's serializer; and the same one, if it carries text."""
    carrier = claim.provider
    if claim.assistant.transport.by_carrier and carrier.speech is not None:
        made = carrier.speech.serializer()
        return made, made
    return carrier.formats.get(claim.audio_format, carrier.serializer)(), None


async def _first(task: asyncio.Task[None], other: asyncio.Task[None]) -> None:
    """Wait for the task, or for the other one if that ends before it."""
    try:
        await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
