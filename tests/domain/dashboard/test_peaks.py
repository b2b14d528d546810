"""The waveform of a recording: the loudest of each column, and what cannot be drawn."""

from __future__ import annotations

import io
import struct
import wave

import pytest

from app.domain.dashboard.peaks import FRAMES, NoPeaks, peaks
from app.domain.dashboard.waveform import HALF, draw


def sound(left: list[int], right: list[int] | None = None, rate: int = 8000) -> io.BytesIO:
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(2 if right else 1)
        made.setsampwidth(2)
        made.setframerate(rate)
        pairs = [each for pair in zip(left, right or left, strict=True) for each in pair]
        samples = pairs if right else left
        made.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    file.seek(0)
    return file


def test_each_column_has_the_loudest_sample_of_each_side() -> None:
    found = peaks(sound([0, 0, 0, -32768], [0, 16384, 0, 0]), columns=2)
    assert found.channels == [[0.0, 1.0], [0.5, 0.0]]
    assert found.seconds == 4 / 8000


def test_a_column_may_go_over_two_blocks() -> None:
    loud = [100] * FRAMES + [3277] + [100] * (FRAMES - 1)
    assert peaks(sound(loud), columns=1).channels == [[0.1]]


def test_fewer_samples_than_columns() -> None:
    found = peaks(sound([32767] * 3), columns=600)
    assert sum(each > 0 for each in found.channels[0]) == 3
    assert peaks(sound([]), columns=3).channels == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("file", [b"", b"theirs", b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_no_wav_file_is_told(file: bytes) -> None:
    with pytest.raises(NoPeaks):
        peaks(io.BytesIO(file))


def test_the_caller_is_above_and_the_assistant_below() -> None:
    found = draw(peaks(sound([32767], [3277]), columns=1))
    assert found.path == f"M0.5 {HALF - HALF * 1.0:.1f}V{HALF + HALF * 0.1:.1f}"
