"""Workarounds around gunicorn's master: that they work, and that they are still needed."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn import config
from gunicorn.arbiter import Arbiter

from app.server import gunicorn_workarounds
from app.server.gunicorn_workarounds import second_is_quit, wait_for_calls


@pytest.mark.parametrize(
    ("seconds", "patience"),
    [
        ("3600", 3620),  # all of it, and the time to close
        ("0", 30),  # gunicorn's own, if that is longer
        ("an hour", 30),  # which the start refuses
    ],
)
def test_gunicorn_waits_as_long_as_calls_may_go_on(
    monkeypatch: pytest.MonkeyPatch, seconds: str, patience: int
) -> None:
    monkeypatch.setenv("DRAIN_SECONDS", seconds)
    master = config.Config()
    seen = list[int]()
    handle = wait_for_calls(lambda number, frame: seen.append(number), lambda: master)
    assert master.graceful_timeout == 30
    handle(signal.SIGTERM, None)
    assert master.graceful_timeout == patience
    assert seen == [signal.SIGTERM]


def test_wait_for_calls_is_still_needed() -> None:
    """Once gunicorn has a time of its own for a HUP: set ``graceful_timeout`` at the start."""
    times = {each.name for each in config.KNOWN_SETTINGS if "timeout" in each.name}
    assert {name for name in times if "dirty" not in name} == {"graceful_timeout", "timeout"}


def test_a_second_term_is_quit(monkeypatch: pytest.MonkeyPatch) -> None:
    """But one that comes with the first is the same order."""
    seen = list[int]()
    handle = second_is_quit(lambda number, frame: seen.append(number))
    for at in (100.0, 100.1, 100.0 + gunicorn_workarounds.SAME_ORDER_SECONDS + 1):
        monkeypatch.setattr(gunicorn_workarounds.time, "monotonic", lambda at=at: at)
        handle(signal.SIGTERM, None)
    assert seen == [signal.SIGTERM, signal.SIGTERM, signal.SIGQUIT]


def test_second_is_quit_is_still_needed() -> None:
    """Once gunicorn stops at once at a second TERM: delete ``second_is_quit``.

    Its handler keeps nothing of the first, and does not call ``stop(False)`` as that of QUIT does.
    """
    stops = list[bool]()
    master: Any = SimpleNamespace(stop=stops.append)
    for _ in range(2):
        with pytest.raises(StopIteration):
            Arbiter.handle_term(master)
    assert (stops, vars(master).keys()) == ([], {"stop"})
    with pytest.raises(StopIteration):
        Arbiter.handle_quit(master)
    assert stops == [False]
