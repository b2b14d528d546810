"""One side of a call: PCM from some sample on, silence where there was no audio."""

from __future__ import annotations

# Bytes of a sample.
WIDTH = 2
# A shorter gap is none: two readings of the clock differ. No carrier plays a part of a frame.
# https://www.twilio.com/docs/voice/media-streams/websocket-messages (20 ms)
TOLERANCE_SECONDS = 0.02


class Track:
    """Audio that is known and not taken yet. It may still be cut."""

    def __init__(self, rate: int) -> None:
        self._tolerance = round(TOLERANCE_SECONDS * rate)
        self._taken = 0
        self._waiting = bytearray()

    @property
    def end(self) -> int:
        """Samples known so far."""
        return self._taken + len(self._waiting) // WIDTH

    def put(self, at: int, pcm: bytes) -> None:
        """Add audio that begins at this sample, or at the end of the last one.

        The end is meant if it is later, or so little earlier that no gap was heard.
        """
        gap = at - self.end
        self._waiting += bytes(gap * WIDTH if gap >= self._tolerance else 0) + pcm

    def cut(self, at: int) -> None:
        """Drop the audio from this sample on: it will not be played."""
        del self._waiting[max(0, at - self._taken) * WIDTH :]

    def take(self, until: int) -> bytes:
        """Return all audio before this sample."""
        size = max(0, until - self._taken) * WIDTH
        pcm = bytes(self._waiting[:size]).ljust(size, b"\0")
        del self._waiting[:size]
        self._taken += size // WIDTH
        return pcm
