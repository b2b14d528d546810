"""A supervisor's voice on its way to the caller, mixed with what the assistant says.

While the assistant speaks, each piece of its sound takes as much of the supervisor's along. While
it is silent, the supervisor's sound is sent by itself, a little ahead of its time.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from providers.common import audio
from providers.common.audio import SAMPLE_WIDTH, audioop

RATE = 16_000
"""Samples a second of what a supervisor sends: 16-bit mono PCM."""
MAX_WAITING_SECONDS = 1.0
"""Of a sound that the caller cannot be sent yet, the oldest is dropped."""
LEAD_SECONDS = 0.12
"""Sent ahead: more than a background sound, which would come between otherwise."""
GATHER_SECONDS = 0.06
"""How long the first piece waits for those behind it: the network's jitter."""
STEP_SECONDS = 0.02


class Line(Protocol):
    """What plays the sound: a call's stream."""

    sample_rate: int

    @property
    def buffered_seconds(self) -> float:
        """Seconds of our sound that the carrier has not played."""
        ...

    async def send(self, pcm: bytes) -> None:
        """Send sound, with the supervisor's over it."""
        ...


class SupervisorVoice:
    """The sound of one call's supervisors."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._waiting = bytearray()
        self._resampling: Any = None
        self._news = asyncio.Event()

    def put(self, pcm: bytes) -> bytes:
        """Take the supervisor's next sound, at ``RATE``. Returns it at the line's rate."""
        whole, rate = pcm[: len(pcm) // SAMPLE_WIDTH * SAMPLE_WIDTH], self._line.sample_rate
        if not whole:
            return b""
        sound, self._resampling = audioop.ratecv(
            whole, SAMPLE_WIDTH, 1, RATE, rate, self._resampling
        )
        self._waiting += sound
        most = int(MAX_WAITING_SECONDS * rate) * SAMPLE_WIDTH
        del self._waiting[:-most]
        self._news.set()
        return sound

    def over(self, piece: bytes) -> bytes:
        """A piece of the assistant's sound, with the next of the supervisor's over it."""
        if not self._waiting:
            return piece
        taken = bytes(self._waiting[: len(piece)])
        del self._waiting[: len(piece)]
        return audio.mix(piece, taken.ljust(len(piece), b"\0"))

    async def run(self) -> None:
        """Send what the assistant's sound does not take along, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._line.buffered_seconds <= STEP_SECONDS:
                await asyncio.sleep(GATHER_SECONDS)
            while self._waiting:
                if self._line.buffered_seconds < LEAD_SECONDS:
                    await self._line.send(bytes(len(self._waiting)))
                else:
                    await asyncio.sleep(STEP_SECONDS)
