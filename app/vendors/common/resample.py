"""Resamples streamed audio. Imports pipecat's resampler: load it lazily.

pipecat's own stream keeps the end of a sentence until the next one. At 24 to 8 kHz that is 40 ms, a
consonant.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import soxr  # type: ignore[import-untyped]  # it ships no types
from numpy.typing import NDArray

# Good enough for a telephone, with the shortest delay: 15 ms.
QUALITY = "MQ"
# Of a line, which needs a filter beside it.
INTERPOLATION = "QQ"
# Where that filter begins, of the lower rate; and its length before and after, in samples of it.
EDGE, PERIODS = 0.46, 12

Samples: TypeAlias = NDArray[np.int16]
Filter: TypeAlias = NDArray[np.float32]


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


class LiveConverter:
    """A line's 16-bit mono PCM, in whole samples, whose delay counts: it keeps 2 ms.

    soxr's own filters work in blocks, which keep 60 to 120 ms. So its interpolation, which needs no
    block, has a filter of ours at the higher rate.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        self._stream = soxr.ResampleStream(rate, wanted, 1, dtype="int16", quality=INTERPOLATION)
        self._down = rate > wanted
        low, high = sorted((rate, wanted))
        self._filter = _low_pass(EDGE * low / high, round(PERIODS * high / low))
        self._before = np.zeros(len(self._filter) - 1, dtype=np.float32)

    def feed(self, pcm: bytes) -> bytes:
        """Take audio, and return the same at the other rate."""
        samples = np.frombuffer(pcm, dtype=np.int16)
        if self._down:
            return bytes(self._stream.resample_chunk(self._filtered(samples)).tobytes())
        return bytes(self._filtered(self._stream.resample_chunk(samples)).tobytes())

    def _filtered(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        whole = np.concatenate((self._before, samples.astype(np.float32)))
        self._before = whole[-len(self._before) :]
        made = np.convolve(whole, self._filter, "valid")
        return np.clip(np.rint(made), -32768, 32767).astype(np.int16)


def _low_pass(edge: float, half: int) -> Filter:
    """A windowed sinc of ``2 * half + 1`` taps. ``edge``: of the rate."""
    at = np.arange(-half, half + 1)
    taps = np.sinc(2 * edge * at) * np.hamming(len(at))
    made: Filter = (taps / taps.sum()).astype(np.float32)
    return made
