"""The hold music: a WAV file that a phone can play, quiet, without a click at its ends."""

from __future__ import annotations

import io
import wave
from array import array

import pytest

from providers.common.hold_music import MOST_SECONDS, RATE, hold_music


@pytest.mark.parametrize("seconds", [3, MOST_SECONDS])
def test_it_is_music_of_that_length(seconds: int) -> None:
    with wave.open(io.BytesIO(hold_music(seconds))) as read:
        shape = (read.getframerate(), read.getsampwidth(), read.getnchannels(), read.getnframes())
        samples = array("h", read.readframes(read.getnframes()))
    assert shape == (RATE, 2, 1, seconds * RATE)
    assert max(map(abs, samples)) in range(4000, 10_000)
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 50
