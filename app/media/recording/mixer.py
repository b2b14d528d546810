"""Both sides of a stream as they sound, for supervisors who listen live.

Our audio goes to the carrier before it plays, and may be cleared. So the mix lags a little behind
and holds only what was played. ``recording/recorder.py`` does the same for a file.
"""

from __future__ import annotations

from collections.abc import Callable

from app.media.recording.track import WIDTH, Track
from providers.common import audio

# The network's jitter: the caller's audio of this moment may still be on its way.
BEHIND_SECONDS = 0.1

# A network that catches up delivers more audio than time has passed. Up to this much is played in
# turn.
LAG_SECONDS = 0.5


class LiveMixer:
    """An audio tap. Left: the caller; right: the assistant."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._began = clock()
        self._caller, self._assistant = Track(rate), Track(rate)

    def heard(self, pcm: bytes) -> None:
        begins = self._now() - len(pcm) // WIDTH
        if self._caller.end - begins > LAG_SECONDS * self._rate:
            self._caller.cut(begins)
        self._caller.put(begins, pcm)

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        self._assistant.put(self._now() + round(buffered_seconds * self._rate), pcm)

    def cleared(self) -> None:
        self._assistant.cut(self._now())

    def take(self) -> bytes:
        """Return the audio since the last call: 16 bit, two channels."""
        until = self._now() - round(BEHIND_SECONDS * self._rate)
        return audio.interleave(self._caller.take(until), self._assistant.take(until))

    def _now(self) -> int:
        return round((self._clock() - self._began) * self._rate)
