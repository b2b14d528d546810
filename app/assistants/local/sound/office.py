"""The built-in background ``office``: synthesized here, so no recording is needed.

Air, a murmur without words and distant keys, in a loop. It is quiet: about -46 dB of full scale.
Imports numpy: load it lazily.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

LOOP_SECONDS = 20
LEVEL_DB = -46.0
"""Mean level of the loop."""
SEED = 7
# What is mixed: share of the whole, and the band in Hz.
AIR = (1.0, 40.0, 900.0)
MURMUR = (0.7, 180.0, 1100.0)
KEYS = (0.35, 900.0, 3200.0)
SYLLABLES_HZ = 3.5
TALKERS = 3
KEY_STROKES = 36
KEY_SECONDS = 0.012


@cache
def office(sample_rate: int) -> bytes:
    """The loop as 16-bit mono PCM. It takes about 0.1 s, once for each rate."""
    random = np.random.default_rng(SEED)
    size = LOOP_SECONDS * sample_rate
    mixed = np.zeros(size)
    for (share, low, high), envelope in (
        (AIR, np.ones(size)),
        (MURMUR, _talk(random, size, sample_rate)),
        (KEYS, _typing(random, size, sample_rate)),
    ):
        sound = _band(random, size, sample_rate, low, high) * envelope
        mixed += share * sound / np.sqrt(np.mean(sound**2))
    level = 32768 * 10 ** (LEVEL_DB / 20)
    scaled = mixed * level / np.sqrt(np.mean(mixed**2))
    return bytes(np.clip(scaled, -32768, 32767).astype("<i2").tobytes())


def _band(random: np.random.Generator, size: int, rate: int, low: float, high: float) -> Samples:
    """Noise of one band, softer towards its top. Its end goes on into its beginning."""
    spectrum = np.fft.rfft(random.standard_normal(size))
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    inside = (frequencies >= low) & (frequencies <= min(high, rate / 2.2))
    weight = np.where(inside, 1 / np.sqrt(np.maximum(frequencies, low)), 0.0)
    return np.asarray(np.fft.irfft(spectrum * weight, size))


def _talk(random: np.random.Generator, size: int, rate: int) -> Samples:
    """How loud distant talkers are: syllables, with pauses."""
    at = np.arange(size) / rate
    talk = np.zeros(size)
    for _ in range(TALKERS):
        # whole numbers of periods, so that the loop has no seam
        syllables = round((SYLLABLES_HZ + random.uniform(-1, 1)) * LOOP_SECONDS) / LOOP_SECONDS
        pauses = round(random.uniform(3, 7)) / LOOP_SECONDS
        phase, start = random.uniform(0, 2 * np.pi, 2)
        voice = 1 + np.sin(2 * np.pi * syllables * at + phase)
        talk += voice * np.clip(np.sin(2 * np.pi * pauses * at + start), 0, 1)
    return talk + 0.1


def _typing(random: np.random.Generator, size: int, rate: int) -> Samples:
    """How loud keys are: short strokes, in two bursts."""
    envelope = np.full(size, 0.001)
    stroke = np.exp(-np.arange(int(KEY_SECONDS * 4 * rate)) / (KEY_SECONDS * rate))
    for burst in np.array_split(np.arange(KEY_STROKES), 2):
        at = random.uniform(0, LOOP_SECONDS - 8)
        for _ in burst:
            at += random.uniform(0.09, 0.3)
            begin = int(at * rate)
            envelope[begin : begin + len(stroke)] += stroke * random.uniform(0.4, 1)
    return envelope
