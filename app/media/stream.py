"""The two-way audio of one call, as an assistant sees it. It names no carrier and no store.

Audio is PCM as in ``providers.base.media.Audio``. A relay, which speaks the carrier's own protocol,
uses ``opening``, ``raw`` and ``send_raw`` instead. One assistant uses one of the two sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Protocol

from app.media.call_context import CallContext
from app.media.close_reason import CloseCause, CloseOnce, CloseReason
from app.media.frame_queue import FrameQueue
from app.media.limits import Limits
from app.media.monitor.supervision import Supervision
from app.media.socket import SendStalled, Socket, SocketClosed
from app.media.sounds import Sounds
from providers.base.media import (
    Audio,
    CallerSpeaks,
    Cleared,
    Digit,
    Frame,
    Heard,
    MarkPlayed,
    MediaSerializer,
    SpokenOver,
    StreamStart,
)
from providers.events import EndedReason

# What iteration over a stream yields.
Item = Audio | Digit | MarkPlayed | Cleared | Heard | SpokenOver | CallerSpeaks

BYTES_PER_SAMPLE = 2
# Longer audio is sent in slices, so that ``clear`` can drop the rest.
SLICE_SECONDS = 0.2
# Our own mark behind the last words. The assistant never sees it.
LAST_MARK = "patchbay:end"


class AudioTap(Protocol):
    """Receives both sides of a stream: the recorder, or a supervisor's mixer. Must not block."""

    def heard(self, pcm: bytes) -> None:
        """The caller's audio, as it came."""
        ...

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        """The assistant's audio, sent to the carrier.

        It begins to play in ``buffered_seconds`` seconds.
        """
        ...

    def cleared(self) -> None:
        """The audio that is not played yet never will be."""
        ...


class MediaStream:
    """One call's two-way audio. After its end no method sends and no method raises."""

    def __init__(
        self,
        socket: Socket,
        serializer: MediaSerializer,
        start: StreamStart,
        opening: Sequence[str | bytes],
        close_once: CloseOnce,
        limits: Limits,
        call_context: CallContext,
    ) -> None:
        # The assistant's handle to the call.
        self.call_context = call_context
        # Why the assistant ends the call, once it has decided.
        self.end_reason: tuple[EndedReason, str | None] | None = None
        self.taps = list[AudioTap]()
        # What is audible of both sides, on the timeline of the call's recording.
        self.sounds = Sounds(start.sample_rate, now, now())
        # The tap that records the call; None: nothing is recorded.
        self.recorder: AudioTap | None = None
        # The supervisor who may speak to the caller.
        self.supervision = Supervision(self, call_context.take_overs)
        # Returns audio with the background sound under it; None: there is none.
        self.under: Callable[[bytes], bytes] | None = None
        # Called when the assistant's first audio is sent; not for raw messages.
        self.on_first_sound: Callable[[], None] = lambda: None
        # The carrier's start message, with the parameters of our markup.
        self.start = start
        self.sample_rate = start.sample_rate
        # The carrier's messages up to and with its start, as they came.
        self.opening = tuple(opening)
        self._socket = socket
        self._serializer = serializer
        self._close_once = close_once
        self._limits = limits
        self._rate = start.sample_rate * BYTES_PER_SAMPLE
        self._queue = FrameQueue(
            int(limits.inbound_seconds * self._rate),
            limits.inbound_others,
            int(limits.loading_seconds * self._rate),
        )
        self._lock = asyncio.Lock()
        self._played_at = 0.0
        self._clears = 0
        self._spoke = False
        self._relayed = False
        self._last_mark = asyncio.Event()

    # -- hearing

    async def __aiter__(self) -> AsyncIterator[Item]:
        """Yield what the caller does, until the carrier has gone."""
        while (entry := await self._queue.get()) is not None:
            if isinstance(entry.frame, Item):
                yield entry.frame

    @property
    def waiting_seconds(self) -> float:
        """Seconds of the caller's audio that the assistant has not read yet."""
        return self._queue.waiting_audio / self._rate

    @property
    def buffered_seconds(self) -> float:
        """Seconds of our audio that the carrier holds and has not played."""
        return max(0.0, self._played_at - now())

    async def raw(self) -> AsyncIterator[str | bytes]:
        """Yield the carrier's messages after ``opening``, as they came, its stop included."""
        while (entry := await self._queue.get()) is not None:
            yield entry.raw

    @property
    def dropped(self) -> int:
        """Audio messages dropped because the assistant read too slowly."""
        return self._queue.dropped

    # -- speaking

    async def send(self, pcm: bytes) -> None:
        """Send audio of any length. Waits while the carrier holds more than it may buffer.

        A ``clear`` meanwhile drops the rest of it.
        """
        clears, step = self._clears, int(SLICE_SECONDS * self.sample_rate) * BYTES_PER_SAMPLE
        for at in range(0, len(pcm), step):
            await self._pace()
            if clears != self._clears:
                return
            piece = self.supervision.over(pcm[at : at + step])
            for tap in self.taps:
                tap.said(piece, self.buffered_seconds)
            self._played_at = max(now(), self._played_at) + len(piece) / self._rate
            if not self._spoke:
                self._spoke = True
                self.on_first_sound()
            heard = self.under(piece) if self.under else piece
            await self._write(partial(self._serializer.audio, heard))

    async def send_under(self, size: int) -> None:
        """Send ``size`` bytes of the background sound alone. No tap and no timing counts it."""
        if self.under is not None:
            self._played_at = max(now(), self._played_at) + size / self._rate
            await self._write(partial(self._serializer.audio, self.under(bytes(size))))

    async def mark(self, name: str) -> None:
        """Ask for ``MarkPlayed(name)`` once all audio sent so far is played."""
        await self._write(lambda: [*self._serializer.flush(), *self._serializer.mark(name)])

    async def clear(self) -> None:
        """Drop the audio that is not played yet: the caller interrupts."""
        self._clears += 1
        self._played_at = 0.0
        for tap in self.taps:
            tap.cleared()
        await self._write(self._serializer.clear)

    async def tell(self, text: str) -> None:
        """Send a text message that is no sound, to a client of ours."""
        await self._write(lambda: [text])

    async def send_raw(self, message: str | bytes) -> None:
        """Send a message in the carrier's own protocol, unchecked. The sender paces it."""
        self._relayed = True
        await self._write(lambda: [message])

    def pause_recording(self, *, paused: bool) -> None:
        """Let the recording be silent, or go on with it, at its place in time."""
        if self.recorder is None or (self.recorder not in self.taps) is paused:
            return
        if paused:
            self.recorder.cleared()
            self.taps.remove(self.recorder)
        else:
            self.taps.append(self.recorder)

    def set_end_reason(self, reason: EndedReason, message: str | None = None) -> None:
        """Set why the assistant will end the call, before its last words.

        The reason holds even if the caller hangs up meanwhile. The first decision stays.
        """
        self.end_reason = self.end_reason or (reason, message)

    async def hang_up(self, reason: EndedReason, message: str | None = None) -> None:
        """End the call once all audio is played. Does not return: the assistant is cancelled."""
        self._close_once.set(CloseReason(CloseCause.OURS, reason=reason, message=message))
        await asyncio.Event().wait()

    # -- for the session

    def deliver(self, frame: Frame, raw: str | bytes) -> None:
        """Take one message of the carrier. Raises ``QueueFull``."""
        if frame == MarkPlayed(LAST_MARK):
            self._last_mark.set()
            return
        if isinstance(frame, Audio):
            for tap in self.taps:
                tap.heard(frame.pcm)
        self._queue.put(frame, raw)

    def end(self) -> None:
        """Mark that the carrier has gone: waiting frames may be read, then the iterators stop."""
        self._queue.close()

    async def played(self) -> None:
        """Wait, within the limits, until the carrier has played the last words."""
        if not (self._spoke or self._relayed):
            return
        left = self._limits.drain_seconds if self._relayed else self.buffered_seconds
        await self.mark(LAST_MARK)
        try:
            async with asyncio.timeout(
                min(left, self._limits.drain_seconds) + self._limits.grace_seconds
            ):
                await self._last_mark.wait()
        except TimeoutError:
            return

    async def goodbye(self) -> None:
        """Tell the carrier, before the socket is closed, that the assistant has left."""

    async def _pace(self) -> None:
        while (excess := self.buffered_seconds - self._limits.ahead_seconds) > 0:  # noqa: ASYNC110
            # short sleeps: a clear ends the wait early
            await asyncio.sleep(min(excess, SLICE_SECONDS))

    async def _write(self, encode: Callable[[], list[str | bytes]]) -> None:
        async with self._lock:
            try:
                for message in encode():
                    await self._socket.send(message)
            except SocketClosed:
                return  # the reader of the socket sees the close, with its code
            except SendStalled as error:
                self._close_once.set(CloseReason(CloseCause.LOST, 1011, str(error)))


def now() -> float:
    """The clock of all streams: seconds of the event loop's clock, which its timeouts use."""
    return asyncio.get_running_loop().time()
