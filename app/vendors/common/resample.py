"""Sound of one rate into sound of another, as it comes. Imports the engine's resampler: load it lazily.

The engine's own stream keeps the end of a sentence until the next one: at 24 to 8 kHz that
is 40 ms, a consonant.
"""

from __future__ import annotations

import numpy as np
import soxr  # type: ignore[import-untyped]  # it ships no types

QUALITY = "MQ"
"""Enough for a telephone, and with the shortest memory: 15 ms."""


class Converter:
    """One sentence's 16-bit mono PCM; chunks may split samples."""

    def __init__(self, rate: int, wanted: int) -> None:
        self._half = b""
        self._stream = (
            None
            if rate == wanted
            else soxr.ResampleStream(rate, wanted, 1, dtype="int16", quality=QUALITY)
        )

    def feed(self, chunk: bytes) -> bytes:
        """What this chunk completes; may be nothing."""
        whole = self._half + chunk
        size = len(whole) & ~1
        self._half = whole[size:]
        return self._resampled(whole[:size], last=False)

    def rest(self) -> bytes:
        """What was kept back; the sentence is over."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        samples = np.frombuffer(pcm, dtype=np.int16)
        return bytes(self._stream.resample_chunk(samples, last=last).tobytes())
