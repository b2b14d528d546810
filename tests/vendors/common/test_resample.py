"""Sound of one rate into sound of another."""

from __future__ import annotations

import numpy as np
import pytest

from app.vendors.common.resample import Converter, LiveConverter
from providers.common.audio import level
from tests.fakes.vendors.standin import LEVEL, SECONDS, sound


def converted(rate: int, wanted: int, size: int) -> bytes:
    """A sentence that comes in pieces of ``size`` bytes."""
    pcm, converter = sound(rate), Converter(rate, wanted)
    pieces = [converter.feed(pcm[at : at + size]) for at in range(0, len(pcm), size)]
    return b"".join([*pieces, converter.rest()])


@pytest.mark.parametrize("size", [1, 2, 333, 100_000], ids=str)  # 1 and 333 split samples
def test_nothing_changes_at_its_own_rate(size: int) -> None:
    assert converted(8000, 8000, size) == sound(8000)


@pytest.mark.parametrize("wanted", [8000, 16000])
@pytest.mark.parametrize("size", [333, 4096, 100_000], ids=str)
def test_a_sentence_keeps_its_length_and_its_end(wanted: int, size: int) -> None:
    pcm = converted(24000, wanted, size)
    assert len(pcm) == int(wanted * SECONDS) * 2
    last = memoryview(pcm).cast("h")[-wanted // 100 :]  # 10 ms, four waves
    assert max(last) > LEVEL / 2 > -LEVEL / 2 > min(last)


def test_half_a_sample_at_the_end_is_dropped() -> None:
    converter = Converter(8000, 8000)
    assert converter.feed(b"\1\2\3") + converter.rest() == b"\1\2"


def tone(hertz: int, rate: int, seconds: float = 0.5) -> bytes:
    times = np.arange(int(rate * seconds)) / rate
    return bytes((12000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16).tobytes())


def relayed(pcm: bytes, rate: int, wanted: int) -> bytes:
    """A line's sound, 20 ms at a time."""
    converter, step = LiveConverter(rate, wanted), rate // 50 * 2
    return b"".join(converter.feed(pcm[at : at + step]) for at in range(0, len(pcm), step))


@pytest.mark.parametrize(("rate", "wanted"), [(16000, 8000), (8000, 16000), (48000, 8000)])
def test_a_line_is_not_late(rate: int, wanted: int) -> None:
    pcm = tone(1000, rate)
    made = relayed(pcm, rate, wanted)
    assert len(pcm) / rate - len(made) / wanted < 0.002 * 2
    assert level(made[wanted // 5 :]) == pytest.approx(level(pcm), rel=0.05)


def test_what_the_lower_rate_cannot_hold_is_taken_out() -> None:
    assert level(relayed(tone(6000, 16000), 16000, 8000)[800:]) < 100  # 40 dB, and no alias
