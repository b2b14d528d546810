"""Background threads give way to requests and to live sound, and only for a bounded time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.jobs import foreground
from app.jobs.foreground import FREE_SECONDS, LONGEST_WAIT, Foreground

PATIENCE = 30.0


class Clock:
    """Stands for ``time`` in the module: it goes on when a thread sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    monkeypatch.setattr(foreground, "time", ours)
    return ours


def test_nobody_waits_without_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "LONGEST_WAIT", None)  # for ever
    ours = Foreground()
    ours.give_way()
    ours.begin()
    ours.end()
    ours.give_way()


def test_background_work_waits_for_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "LONGEST_WAIT", PATIENCE)
    ours, answered = Foreground(), threading.Event()
    ours.begin()
    ours.begin()

    def work() -> bool:
        ours.give_way()
        return answered.is_set()

    with ThreadPoolExecutor() as pool:
        done = [pool.submit(work) for _ in range(3)]
        ours.end()
        answered.set()
        ours.end()
        assert all(each.result(PATIENCE) for each in done)


def test_it_waits_a_bounded_time_however_many_requests_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(foreground, "LONGEST_WAIT", 0)
    ours = Foreground()
    ours.begin()
    ours.give_way()


def test_it_waits_while_sound_is_late_without_any_request(clock: Clock) -> None:
    late = True
    ours = Foreground(lambda: late)
    ours.give_way()
    late = False
    clock.now += FREE_SECONDS
    ours.give_way()
    assert clock.slept == [LONGEST_WAIT]


def test_half_of_the_time_is_free_under_any_load(clock: Clock) -> None:
    """However short the steps are: a thousand in 25 intervals of waiting and of freedom each."""
    ours = Foreground(lambda: True)
    ours.begin()
    for _ in range(1000):
        ours.give_way()
        clock.now += FREE_SECONDS / 40
    assert len(clock.slept) == pytest.approx(25, abs=1)
