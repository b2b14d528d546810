"""Background threads give way to requests and to live sound, and only for a bounded time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.jobs import foreground
from app.jobs.foreground import LONGEST_WAIT, Foreground

PATIENCE = 30.0


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a background thread has slept: none pass."""
    seconds = list[float]()
    monkeypatch.setattr(foreground.time, "sleep", seconds.append)
    return seconds


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


def test_it_waits_while_sound_is_late_without_any_request(slept: list[float]) -> None:
    late = True
    ours = Foreground(lambda: late)
    ours.give_way()
    late = False
    ours.give_way()
    assert slept == [LONGEST_WAIT]
