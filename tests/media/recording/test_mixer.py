"""What a listener hears of both sides: when it sounded, and only what did."""

from __future__ import annotations

import array

from hypothesis import given
from hypothesis import strategies as st

from app.media.recording.mixer import BEHIND_SECONDS, LAG_SECONDS, LiveMixer
from app.media.recording.track import Track

RATE = 1000
BEHIND = round(BEHIND_SECONDS * RATE)


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def level(value: int, samples: int) -> bytes:
    return array.array("h", [value] * samples).tobytes()


def sides(pcm: bytes) -> tuple[list[int], list[int]]:
    samples = array.array("h", pcm)
    return list(samples[::2]), list(samples[1::2])


def begun() -> tuple[LiveMixer, Clock]:
    clock = Clock()
    return LiveMixer(RATE, clock), clock


def test_nothing_has_sounded_yet() -> None:
    assert begun()[0].take() == b""


def test_each_side_is_where_it_sounded() -> None:
    stereo, clock = begun()
    clock.now += 0.02
    stereo.heard(level(7, 20))
    stereo.said(level(9, 10), buffered_seconds=0.03)
    clock.now += 0.04 + BEHIND_SECONDS
    left, right = sides(stereo.take())
    assert left == [7] * 20 + [0] * 40
    assert right == [0] * 50 + [9] * 10


def test_what_comes_is_taken_once() -> None:
    stereo, clock = begun()
    stereo.said(level(9, 100), buffered_seconds=0.0)
    whole = list[int]()
    for _ in range(8):
        clock.now += 0.025
        whole += sides(stereo.take())[1]
    assert whole == [9] * 100


def test_what_is_cleared_before_it_plays_is_not_heard() -> None:
    stereo, clock = begun()
    stereo.said(level(9, 500), buffered_seconds=0.0)
    clock.now += 0.03
    stereo.cleared()
    stereo.said(level(5, 10), buffered_seconds=0.0)
    clock.now += 0.05 + BEHIND_SECONDS
    assert sides(stereo.take())[1] == [9] * 30 + [5] * 10 + [0] * 40


def test_a_network_that_catches_up_does_not_stay_behind() -> None:
    """A second of sound at once: the listener is soon at the present again."""
    stereo, clock = begun()
    for _ in range(50):
        stereo.heard(level(7, 20))
    clock.now += LAG_SECONDS
    stereo.take()
    stereo.heard(level(8, 20))
    clock.now += 1.0
    left = sides(stereo.take())[0]
    assert 8 in left[: round((LAG_SECONDS + 0.02) * RATE)]


@given(st.lists(st.tuples(st.integers(0, 50), st.binary(max_size=20)), max_size=20))
def test_a_track_never_loses_its_place(puts: list[tuple[int, bytes]]) -> None:
    track, taken = Track(RATE), 0
    for at, data in puts:
        track.put(at, data * 2)
        taken += len(track.take(at)) // 2
        assert taken == max(at, taken)
        assert track.end >= taken
