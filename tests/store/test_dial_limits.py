"""The two buckets of what is dialled: one statement, for several processes at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Connection

from app.store import dial_limits
from app.store.dial_limits import Buckets, Cost
from app.store.engine import Store
from tests.store.rows import START, at
from tests.store.together import race

HOUR = timedelta(hours=1)
TEN = timedelta(minutes=10)


def take(conn: Connection, calls: timedelta, minutes: timedelta, owner: str = "key") -> bool:
    return dial_limits.take(conn, owner, START, Cost(calls, minutes), HOUR)


@pytest.mark.parametrize(
    ("cost", "fits"),
    [((TEN, HOUR / 3), 3), ((HOUR / 2, TEN), 2), ((HOUR, HOUR), 1), ((timedelta(), TEN), 6)],
)
def test_the_fuller_bucket_refuses_and_then_neither_takes(
    store: Store, cost: tuple[timedelta, timedelta], fits: int
) -> None:
    with store.write() as conn:
        assert [take(conn, *cost) for _ in range(fits + 1)] == [True] * fits + [False]
        assert dial_limits.buckets(conn, "key") == Buckets(*(START + fits * part for part in cost))
        assert dial_limits.buckets(conn, "other") == Buckets()
        assert take(conn, *cost, owner="other")


def test_minutes_are_given_back(store: Store) -> None:
    with store.write() as conn:
        dial_limits.give_back(conn, "key", TEN)  # of an owner that was never counted
        take(conn, TEN, HOUR)
        dial_limits.give_back(conn, "key", TEN)
        assert dial_limits.buckets(conn, "key") == Buckets(START + TEN, at(3000))


@pytest.mark.parametrize(("back", "taken"), [(59, False), (61, True), (7200, True)])
def test_a_clock_that_was_ahead_locks_nobody_out(store: Store, back: float, taken: bool) -> None:
    with store.write() as conn:
        take(conn, HOUR, HOUR)
        now, cost = START - timedelta(seconds=back), Cost(TEN, TEN)
        assert dial_limits.take(conn, "key", now, cost, HOUR) is taken


def test_several_processes_at_once_take_no_more_than_the_limit(store: Store) -> None:
    taken = race(store, 8, lambda conn, _: take(conn, HOUR / 3, TEN))
    assert taken.count(True) == 3
