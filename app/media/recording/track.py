"""One side of a call: PCM from some sample on, silence where nothing was."""

from __future__ import annotations

WIDTH = 2
"""Bytes of a sample."""


class Track:
    """Sound that is known and not taken yet; it may still be cut."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting = bytearray()

    @property
    def end(self) -> int:
        """Samples known so far."""
        return self._taken + len(self._waiting) // WIDTH

    def put(self, at: int, pcm: bytes) -> None:
        """Sound that begins at this sample, or where the last one ended if that is later."""
        self._waiting += bytes(max(0, at - self.end) * WIDTH) + pcm

    def cut(self, at: int) -> None:
        """Nothing from this sample on will be played."""
        del self._waiting[max(0, at - self._taken) * WIDTH :]

    def take(self, until: int) -> bytes:
        """All before this sample."""
        size = max(0, until - self._taken) * WIDTH
        pcm = bytes(self._waiting[:size]).ljust(size, b"\0")
        del self._waiting[:size]
        self._taken += size // WIDTH
        return pcm
