"""What is audible: the first and last samples of each side's sounds, and no click or noise."""

from __future__ import annotations

import random
from array import array

import pytest

from app.media.sounds import Sounds

RATE = 8000
STEP = 0.02


def tone(seconds: float, level: int = 2000) -> bytes:
    return array("h", [level, -level] * round(seconds * RATE / 2)).tobytes()


def noise(seconds: float, level: int, seed: int = 1) -> bytes:
    source = random.Random(seed)
    return array(
        "h", (round(source.gauss(0, level)) for _ in range(round(seconds * RATE)))
    ).tobytes()


class Line:
    def __init__(self) -> None:
        self.now = 100.0
        self.begun = list[float]()
        self.sounds = Sounds(RATE, lambda: self.now, self.now)
        self.sounds.listen(lambda at: self.begun.append(round(at - 100.0, 3)))

    def caller(self, pcm: bytes) -> None:
        """As a carrier sends it, in messages of 20 ms."""
        step = int(STEP * RATE) * 2
        for at in range(0, len(pcm), step):
            self.now += STEP
            self.sounds.heard(pcm[at : at + step])

    def ended(self, before: float) -> float | None:
        found = self.sounds.caller_ended(100.0 + before)
        return None if found is None else round(found - 100.0, 3)


@pytest.mark.parametrize("level", [0, 30, 150, 300])
def test_the_callers_last_sound(level: int) -> None:
    line = Line()
    for part in (noise(1, level), tone(0.5, 6000), noise(0.5, level, 2)):
        line.caller(part)
    assert line.ended(2.0) == pytest.approx(1.5, abs=0.011)


def test_a_click_is_no_sound() -> None:
    line = Line()
    line.caller(bytes(16000) + tone(0.1) + bytes(1600) + tone(0.01) + bytes(1600))
    assert line.ended(1.5) == 1.1


def test_who_still_sounds_has_not_ended() -> None:
    line = Line()
    line.caller(bytes(8000) + tone(1.0))
    assert line.ended(1.2) is None


def test_the_answers_first_sound_is_where_it_plays() -> None:
    line = Line()
    line.caller(bytes(16000))
    line.sounds.said(bytes(1600) + tone(0.2), 0.3)  # 0.1 s of silence, behind 0.3 s
    line.caller(bytes(16000))
    assert line.begun == [1.4]
    assert line.sounds.block_began - 100.0 == pytest.approx(1.3, abs=0.001)


def test_what_was_cleared_was_never_audible() -> None:
    line = Line()
    line.caller(bytes(1600))
    line.sounds.said(tone(0.2), 0.3)
    line.caller(bytes(1600))
    line.sounds.cleared()
    line.caller(bytes(1600))
    line.sounds.said(tone(0.2), 0.0)
    line.caller(bytes(3200))
    assert line.begun == [0.3]
    assert line.sounds.block_began - 100.0 == pytest.approx(0.3, abs=0.001)
