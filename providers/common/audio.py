"""Sound formats: mu-law to PCM and back. PCM is signed 16-bit little-endian mono everywhere.

``audioop`` left the standard library in Python 3.13; ``audioop-lts`` carries it on under its name.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop as audioop  # as: what measures sound takes it from here too

SAMPLE_WIDTH = 2
"""Bytes per PCM sample."""


def mulaw_to_pcm(data: bytes) -> bytes:
    """G.711 mu-law bytes -> PCM of twice the length."""
    return audioop.ulaw2lin(data, SAMPLE_WIDTH)


def pcm_to_mulaw(pcm: bytes) -> bytes:
    """PCM -> G.711 mu-law of half the length; a trailing odd byte is dropped."""
    return audioop.lin2ulaw(pcm[: len(pcm) // 2 * 2], SAMPLE_WIDTH)


def level(pcm: bytes) -> int:
    """How loud it is: the root of the mean square, of 32767."""
    return audioop.rms(pcm, SAMPLE_WIDTH)


def interleave(left: bytes, right: bytes) -> bytes:
    """Two equally long sides as two channels."""
    return audioop.add(
        audioop.tostereo(left, SAMPLE_WIDTH, 1, 0),
        audioop.tostereo(right, SAMPLE_WIDTH, 0, 1),
        SAMPLE_WIDTH,
    )


def mix(left: bytes, right: bytes) -> bytes:
    """Two equally long sides in one; what is too loud is cut."""
    return audioop.add(left, right, SAMPLE_WIDTH)


def mono(pcm: bytes) -> bytes:
    """Two interleaved channels of PCM, mixed into one of half the length; what is too loud is cut."""
    return audioop.tomono(pcm[: len(pcm) // 4 * 4], SAMPLE_WIDTH, 1, 1)


def silence(milliseconds: int, sample_rate: int) -> bytes:
    """That much PCM silence."""
    return bytes(sample_rate * milliseconds // 1000 * SAMPLE_WIDTH)


def resampled(pcm: bytes, rate: int, wanted: int) -> bytes:
    """PCM at another rate; good enough for a telephone."""
    if rate == wanted:
        return pcm
    return audioop.ratecv(pcm, SAMPLE_WIDTH, 1, rate, wanted, None)[0]
