"""Resamples streamed audio. Imports pipecat's resampler: load it lazily.

pipecat's own stream keeps the end of a sentence until the next one. At 24 to 8 kHz that is 40 ms, a
consonant.
"""

from __future__ import annotations

import numpy as np
import soxr  # type: ignore[import-untyped]  # it ships no types

# Good enough for a telephone, with the shortest delay: 15 ms.
QUALITY = "MQ"


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
        """Take a chunk, and return the audio that it completes, if any."""
        whole = self._half + chunk
        size = len(whole) & ~1
        self._half = whole[size:]
        return self._resampled(whole[:size], last=False)

    def rest(self) -> bytes:
        """Return the rest: the sentence is over."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        samples = np.frombuffer(pcm, dtype=np.int16)
        return bytes(self._stream.resample_chunk(samples, last=last).tobytes())
