"""The DTMF tones of a phone's keys. https://www.itu.int/rec/T-REC-Q.23"""

from __future__ import annotations

import array
import math
import sys

# Hertz.
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")
TONE_SECONDS = 0.2
# Peak of each of a key's two tones, of 32767.
LOUDNESS = 6000


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
