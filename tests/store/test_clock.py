"""The shared time: the database's on PostgreSQL, the machine's on SQLite."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from app.store import clock
from app.store.engine import Store

HOUR = timedelta(hours=1)
AWAY = timedelta(minutes=2)
"""More than a lease, a heartbeat's age and a join's patience."""
SOON = timedelta(seconds=30)
"""More than a busy machine takes for a query."""


def near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < SOON


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far the machine's clock is ahead of the true time."""
    ahead = [timedelta()]
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + ahead[0])
    return ahead


def test_before_the_first_look_it_is_the_machines(store: Store, wall: list[timedelta]) -> None:
    wall[0] = HOUR
    assert near(store.clock.now(), datetime.now(UTC) + HOUR)


@pytest.mark.parametrize("ahead", [AWAY, -AWAY, HOUR, -HOUR])
def test_on_postgresql_it_is_the_databases(
    store: Store, wall: list[timedelta], ahead: timedelta
) -> None:
    wall[0] = ahead
    found = store.clock.compare()
    if store.is_sqlite:
        assert found == timedelta()
        assert near(store.clock.now(), datetime.now(UTC) + ahead)
        return
    assert near(datetime.now(UTC) + found, datetime.now(UTC) + ahead)
    assert near(store.clock.now(), datetime.now(UTC))


def test_a_step_of_the_machine_changes_nothing(store: Store, wall: list[timedelta]) -> None:
    if store.is_sqlite:
        return  # there is no other clock
    store.clock.compare()
    before = store.clock.now()
    wall[0] = -HOUR
    assert before <= store.clock.now()
    assert near(store.clock.now(), datetime.now(UTC))


def test_two_machines_agree(store: Store, wall: list[timedelta]) -> None:
    if store.is_sqlite:
        return  # all its processes are on one
    other = clock.Clock(store.read)
    store.clock.compare()
    wall[0] = AWAY
    other.compare()
    assert near(store.clock.now(), other.now())


def test_the_time_does_not_swing_with_the_network(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is as wrong as the query's way back is slow: time would go backwards."""
    if store.is_sqlite:
        return  # nothing is looked up
    at = clock.uptime()
    monkeypatch.setattr(clock, "uptime", lambda: at)
    store.clock.compare()
    first = store.clock.now()
    monkeypatch.setattr(clock, "STEP", HOUR)
    store.clock.compare()
    assert store.clock.now() == first
    monkeypatch.setattr(clock, "STEP", timedelta())
    store.clock.compare()
    assert store.clock.now() > first


def test_the_operator_is_told_once(
    store: Store, wall: list[timedelta], caplog: pytest.LogCaptureFixture
) -> None:
    if store.is_sqlite:
        return  # there is nothing to tell
    for wall[0] in (timedelta(), AWAY, AWAY, timedelta(), -AWAY):
        store.clock.compare()
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert ["ahead of" in each for each in warned] == [True, False]


@pytest.mark.parametrize(("seconds", "where"), [(31.2, "31.2 s ahead of"), (-5.0, "5.0 s behind")])
def test_it_says_which_way(seconds: float, where: str) -> None:
    assert where in clock.told(timedelta(seconds=seconds))
