"""The timers of one call, as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.calls.timer_column import (
    Timer,
    due_timer,
    load_timers,
    started,
    stopped,
    timer_columns,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


TWO = {"join": Timer(after(20)), "lost": Timer(after(10), reattached=1)}


def test_the_columns() -> None:
    columns = timer_columns(TWO)
    second, noon = 1_000_000, 1_795_953_600_000_000
    assert columns == {
        "timers": {
            "join": {"due": noon + 20 * second},
            "lost": {"due": noon + 10 * second, "reattached": 1},
        },
        "next_timer_at": after(10),
    }
    assert load_timers(columns["timers"]) == TWO


def test_a_call_without_timers_is_none_of_the_version_before() -> None:
    assert timer_columns({}) == {"timers": {}, "next_timer_at": None}
    assert load_timers({}) == {}
    assert timer_columns(None) == {"timers": None, "next_timer_at": None}
    assert load_timers(None) is None


@pytest.mark.parametrize(
    ("now", "name"), [(after(9), None), (after(10), "lost"), (after(30), "lost")]
)
def test_the_earliest_is_due_first(now: datetime, name: str | None) -> None:
    assert due_timer(TWO, now) == name


@pytest.mark.parametrize("timers", [None, {}])
def test_none_is_due(timers: dict[str, Timer] | None) -> None:
    assert due_timer(timers, NOW) is None


def test_one_that_waits_keeps_the_earlier_time_and_takes_the_newer_data() -> None:
    assert started(TWO, "lost", Timer(after(99), 2))["lost"] == Timer(after(10), 2)
    assert started(TWO, "lost", Timer(after(5), 2))["lost"] == Timer(after(5), 2)
    assert started({}, "lost", Timer(after(5))) == {"lost": Timer(after(5))}


def test_stopped() -> None:
    assert stopped(TWO, ("join", "settle")) == {"lost": TWO["lost"]}
