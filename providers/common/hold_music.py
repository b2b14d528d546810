"""The music that a leg hears while it waits: synthesized here, so no recording is needed.

Slow chords, quiet, each faded in and out, so that a loop has no click.
"""

from __future__ import annotations

import io
import math
import wave
from array import array
from functools import lru_cache

RATE = 8000
"""Samples a second: what a phone carries."""
CHORD_SECONDS = 3
CHORDS: tuple[tuple[float, ...], ...] = (
    (261.63, 329.63, 392.00),
    (220.00, 261.63, 329.63),
    (174.61, 220.00, 261.63),
    (196.00, 246.94, 293.66),
)
"""Frequencies in Hz: C, A minor, F, G."""
LOUDNESS = 2600
"""Of one tone, of 32767."""
FADE_SECONDS = 0.4
MOST_SECONDS = CHORD_SECONDS * len(CHORDS)


@lru_cache
def hold_music(seconds: int) -> bytes:
    """A WAV file of so many seconds, at most ``MOST_SECONDS``: 8000 Hz, 16 bit, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        chords = (_chord(chord) for chord in CHORDS)
        samples = array("h", [each for chord in chords for each in chord][: seconds * RATE])
        written.writeframes(samples.tobytes())
    return file.getvalue()


def _chord(tones: tuple[float, ...]) -> list[int]:
    size, fade = CHORD_SECONDS * RATE, FADE_SECONDS * RATE
    steps = [2 * math.pi * tone / RATE for tone in tones]
    return [
        round(
            LOUDNESS
            * min(1.0, at / fade, (size - at) / fade)
            * sum(math.sin(s * at) for s in steps)
        )
        for at in range(size)
    ]
