"""A count is made anew when it is old, compared with the time it took."""

from __future__ import annotations

from app.telemetry.recount import SPARING, Recount


class Counting:
    """A clock, and a count that takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.made = 0
        self.seconds = seconds

    def count(self) -> int:
        self.now += self.seconds
        self.made += 1
        return self.made


def test_a_count_is_shown_for_many_times_as_long_as_it_took() -> None:
    slow = Counting(2.0)
    recount = Recount[int](lambda: slow.now)
    assert recount.get(slow.count) == 1
    slow.now += 2.0 * SPARING - 0.1
    assert recount.get(slow.count) == 1
    slow.now += 0.1
    assert recount.get(slow.count) == 2
    assert recount.get(slow.count) == 2


def test_what_takes_no_time_is_always_new() -> None:
    fast = Counting(0.0)
    recount = Recount[int](lambda: fast.now)
    assert [recount.get(fast.count) for _ in range(3)] == [1, 2, 3]


def test_a_failed_count_is_made_again() -> None:
    recount = Recount[int](lambda: 0.0)

    def fail() -> int:
        raise OSError

    for _ in range(2):
        try:
            recount.get(fail)
        except OSError:
            continue
        raise AssertionError
    assert recount.get(lambda: 7) == 7
