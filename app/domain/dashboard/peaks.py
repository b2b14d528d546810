"""The peaks of a recording, for a waveform: the loudest sample of each column and channel."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from providers.common import audio

if TYPE_CHECKING:
    import numpy as np

COLUMNS = 600
FRAMES = 64 * 1024
"""Frames that are read at once."""
MOST_BYTES = 256 * 1024 * 1024
"""Of a file: two hours at 8 kHz in stereo. It is read from its begin to its end."""
LOUDEST = 32768


class NoPeaks(Exception):
    """The file is not a WAV file of 16-bit PCM."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """``channels``: for each, from 0 to 1 per column. The customer's is the first of two."""

    seconds: float
    channels: list[list[float]]


def peaks(file: BinaryIO, columns: int = COLUMNS) -> Peaks:
    """Read a WAV file of 16 bits. Raises ``NoPeaks``."""
    import numpy as np  # takes a tenth of a second, which a start must not

    try:
        with wave.open(file, "rb") as sound:
            if sound.getsampwidth() != audio.SAMPLE_WIDTH:
                raise NoPeaks(f"{8 * sound.getsampwidth()} bits")
            frames, rate = sound.getnframes(), sound.getframerate()
            found = np.zeros((columns, sound.getnchannels()), dtype=np.int32)
            for first, block in _blocks(sound):
                # a column may go on in the next block
                of_frame = (np.arange(first, first + len(block)) * columns) // max(1, frames)
                starts = np.flatnonzero(np.diff(of_frame, prepend=-1))
                at = np.minimum(of_frame[starts], columns - 1)
                loudest = np.maximum.reduceat(np.abs(block), starts, axis=0)
                found[at] = np.maximum(found[at], loudest)
    except (wave.Error, EOFError, OSError) as error:
        raise NoPeaks(f"not a WAV file of PCM: {error}") from error
    told = np.round(found / LOUDEST, 3).T.tolist()
    return Peaks(frames / rate, told)


def _blocks(sound: wave.Wave_read) -> Iterator[tuple[int, np.ndarray]]:
    """The number of the first frame, and the samples by frame and channel."""
    import numpy as np

    first = 0
    while pcm := sound.readframes(FRAMES):
        block = np.frombuffer(pcm, dtype="<i2").reshape(-1, sound.getnchannels())
        yield first, block.astype(np.int32)
        first += len(block)
