"""What an assistant sees of a call: sound and keys in, sound out. No carrier's words, no store.

Sound is PCM as in ``providers.base.carrier.Audio``. Whoever speaks the carrier's own protocol (a relay)
uses ``opening``, ``raw`` and ``send_raw`` instead; one assistant uses one of the two sides.
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
from app.media.socket import SendStalled, Socket, SocketClosed
from providers.base.media import (
    Audio,
    Cleared,
    Digit,
    Frame,
    MarkPlayed,
    MediaSerializer,
    StreamStart,
)
from providers.events import EndedReason

Item = Audio | Digit | MarkPlayed | Cleared
"""What iterating over a line yields."""

BYTES_PER_SAMPLE = 2
SLICE_SECONDS = 0.2
"""Longer sound is sent in pieces, so that ``clear`` can cut in between."""
LAST_MARK = "patchbay:end"
"""Our own mark behind the last words; the assistant never sees it."""


class AudioTap(Protocol):
    """Hears both sides of a line: the recorder, or somebody who listens in. Must not block."""

    def heard(self, pcm: bytes) -> None:
        """The caller's sound, as it came."""
        ...

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        """Our sound, given to the carrier; it begins to play in ``buffered_seconds`` seconds."""
        ...

    def cleared(self) -> None:
        """What is not played yet never will be."""
        ...


class MediaStream:
    """One call's two-way sound. After its end nothing more is sent and nothing raises."""

    def __init__(
        self,
        socket: Socket,
        serializer: MediaSerializer,
        start: StreamStart,
        opening: Sequence[str | bytes],
        fate: CloseOnce,
        limits: Limits,
        call_context: CallContext,
    ) -> None:
        self.call_context = call_context
        """The assistant's way to the call."""
        self.end_reason: tuple[EndedReason, str | None] | None = None
        """Why the assistant ends the call, from when it decided on it."""
        self.taps = list[AudioTap]()
        self.on_first_sound: Callable[[], None] = lambda: None
        """Called when the assistant's first audio is sent; not of what is sent raw."""
        self.start = start
        """The carrier's first word, with the parameters of our markup."""
        self.sample_rate = start.sample_rate
        self.opening = tuple(opening)
        """The carrier's messages up to and with its start, as they came."""
        self._socket = socket
        self._serializer = serializer
        self._close = fate
        self._limits = limits
        self._rate = start.sample_rate * BYTES_PER_SAMPLE
        self._queue = FrameQueue(int(limits.inbound_seconds * self._rate), limits.inbound_others)
        self._lock = asyncio.Lock()
        self._played_at = 0.0
        self._clears = 0
        self._spoke = False
        self._relayed = False
        self._last_mark = asyncio.Event()

    # -- hearing

    async def __aiter__(self) -> AsyncIterator[Item]:
        """What the caller does, until the carrier has gone."""
        while (entry := await self._queue.get()) is not None:
            if isinstance(entry.frame, Item):
                yield entry.frame

    @property
    def buffered_seconds(self) -> float:
        """Seconds of our sound that the carrier has and has not played."""
        return max(0.0, self._played_at - now())

    async def raw(self) -> AsyncIterator[str | bytes]:
        """The carrier's messages after ``opening``, as they came, its stop included."""
        while (entry := await self._queue.get()) is not None:
            yield entry.raw

    @property
    def dropped(self) -> int:
        """Messages of sound the assistant was too slow to hear."""
        return self._queue.dropped

    # -- speaking

    async def send(self, pcm: bytes) -> None:
        """Speak: any length. Waits while more sound lies unplayed at the carrier than it may hold.

        A ``clear`` meanwhile drops the rest of it.
        """
        clears, step = self._clears, int(SLICE_SECONDS * self.sample_rate) * BYTES_PER_SAMPLE
        for at in range(0, len(pcm), step):
            await self._pace()
            if clears != self._clears:
                return
            piece = pcm[at : at + step]
            for tap in self.taps:
                tap.said(piece, self.buffered_seconds)
            self._played_at = max(now(), self._played_at) + len(piece) / self._rate
            if not self._spoke:
                self._spoke = True
                self.on_first_sound()
            await self._write(partial(self._serializer.audio, piece))

    async def mark(self, name: str) -> None:
        """Ask for ``MarkPlayed(name)`` once all that was sent is played."""
        await self._write(lambda: [*self._serializer.flush(), *self._serializer.mark(name)])

    async def clear(self) -> None:
        """Drop what is not played yet: the caller interrupts."""
        self._clears += 1
        self._played_at = 0.0
        for tap in self.taps:
            tap.cleared()
        await self._write(self._serializer.clear)

    async def send_raw(self, message: str | bytes) -> None:
        """Send a message in the carrier's own protocol, unchecked. Pacing is the sender's."""
        self._relayed = True
        await self._write(lambda: [message])

    def set_end_reason(self, reason: EndedReason, message: str | None = None) -> None:
        """The assistant will end the call, after a last word: the reason holds even if the caller
        leaves meanwhile. The first decision stays."""
        self.end_reason = self.end_reason or (reason, message)

    async def hang_up(self, reason: EndedReason, message: str | None = None) -> None:
        """End the call after what was said is played. Does not return: the assistant is cancelled."""
        self._close.set(CloseReason(CloseCause.OURS, reason=reason, message=message))
        await asyncio.Event().wait()

    # -- for the session

    def deliver(self, frame: Frame, raw: str | bytes) -> None:
        """One message of the carrier. Raises ``QueueFull``."""
        if frame == MarkPlayed(LAST_MARK):
            self._last_mark.set()
            return
        if isinstance(frame, Audio):
            for tap in self.taps:
                tap.heard(frame.pcm)
        self._queue.put(frame, raw)

    def end(self) -> None:
        """The carrier has gone: what waits may be read, then the iterators stop."""
        self._queue.close()

    async def played(self) -> None:
        """Wait until the last words were heard, as far as can be known, within the limits."""
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

    async def _pace(self) -> None:
        while (excess := self.buffered_seconds - self._limits.ahead_seconds) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(excess, SLICE_SECONDS))  # a clear ends the wait early

    async def _write(self, encode: Callable[[], list[str | bytes]]) -> None:
        async with self._lock:
            try:
                for message in encode():
                    await self._socket.send(message)
            except SocketClosed:
                return  # whoever reads the socket hears of it, and how
            except SendStalled as error:
                self._close.set(CloseReason(CloseCause.LOST, 1011, str(error)))


def now() -> float:
    """The time of all lines: seconds of the loop's clock, which is what their waits go by."""
    return asyncio.get_running_loop().time()
