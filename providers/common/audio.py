"""Audio formats: mu-law to PCM and back. PCM is signed 16-bit little-endian mono everywhere.

``audioop`` left the standard library in Python 3.13; ``audioop-lts`` continues it under its name.
https://peps.python.org/pep-0594/#audioop
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop as audioop  # as: ``level``'s users import it from here too

# Bytes per PCM sample.
SAMPLE_WIDTH = 2


def mulaw_to_pcm(data: bytes) -> bytes:
    """G.711 mu-law bytes -> PCM of twice the length."""
    return audioop.ulaw2lin(data, SAMPLE_WIDTH)


def pcm_to_mulaw(pcm: bytes) -> bytes:
    """PCM -> G.711 mu-law of half the length; a trailing odd byte is dropped."""
    return audioop.lin2ulaw(pcm[: len(pcm) // 2 * 2], SAMPLE_WIDTH)


def level(pcm: bytes) -> int:
    """The level: the root of the mean square, of 32767."""
    return audioop.rms(pcm, SAMPLE_WIDTH)


def interleave(left: bytes, right: bytes) -> bytes:
    """Two equally long sides as two channels."""
    return audioop.add(
        audioop.tostereo(left, SAMPLE_WIDTH, 1, 0),
        audioop.tostereo(right, SAMPLE_WIDTH, 0, 1),
        SAMPLE_WIDTH,
    )


def mix(left: bytes, right: bytes) -> bytes:
    """Two equally long sides in one channel; peaks are clipped."""
    return audioop.add(left, right, SAMPLE_WIDTH)


def mono(pcm: bytes) -> bytes:
    """Two interleaved channels of PCM, mixed into one of half the length; peaks are clipped."""
    return audioop.tomono(pcm[: len(pcm) // 4 * 4], SAMPLE_WIDTH, 1, 1)


def channel(pcm: bytes, number: int) -> bytes:
    """One of two interleaved channels of PCM: 0 is the left."""
    pcm = pcm[: len(pcm) // 4 * 4]
    return audioop.tomono(pcm, SAMPLE_WIDTH, 1 - number, number)


def silence(milliseconds: int, sample_rate: int) -> bytes:
    """PCM silence of this length."""
    return bytes(sample_rate * milliseconds // 1000 * SAMPLE_WIDTH)


def resampled(pcm: bytes, rate: int, wanted: int) -> bytes:
    """PCM at another rate; good enough for a telephone."""
    if rate == wanted:
        return pcm
    return audioop.ratecv(pcm, SAMPLE_WIDTH, 1, rate, wanted, None)[0]
