"""Says back what it hears, answers a key with its own tone, ends the call on ``#``.

Needs no account anywhere: it answers the demo and proves that a deployment's sound works.
"""

from __future__ import annotations

import array
import math
import sys

from app.domain.media import Seat
from app.media.line import Line
from providers.base import Audio, Digit
from providers.events import EndedReason

END_KEY = "#"
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
"""Hertz. https://www.itu.int/rec/T-REC-Q.23"""
KEYS = ("123A", "456B", "789C", "*0#D")
TONE_SECONDS = 0.2
LOUDNESS = 6000
"""Peak of each of a key's two tones, of 32767."""


class Echo:
    """One call's echo."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def run(self, line: Line) -> EndedReason | None:
        """Until ``#``, or until the carrier has gone."""
        async for item in line:
            if isinstance(item, Audio):
                await line.send(item.pcm)
            elif isinstance(item, Digit):
                await line.send(tone(item.digit, line.sample_rate))
                if item.digit == END_KEY:
                    break
        return EndedReason.ASSISTANT_ENDED_CALL


def tone(key: str, sample_rate: int) -> bytes:
    """A key's two tones as PCM."""
    row = next(index for index, keys in enumerate(KEYS) if key in keys)
    pair = (ROWS[row], COLUMNS[KEYS[row].index(key)])
    samples = array.array("h")
    for n in range(int(sample_rate * TONE_SECONDS)):
        samples.append(
            round(sum(LOUDNESS * math.sin(2 * math.pi * hertz * n / sample_rate) for hertz in pair))
        )
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
