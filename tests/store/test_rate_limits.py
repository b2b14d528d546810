"""The rate of an API key: what one statement takes, what several at once may take."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from app.store import rate_limits
from app.store.engine import Store
from app.store.schema import EPOCH, api_keys
from app.store.schema import rate_limits as table
from tests.properties import with_one_store
from tests.store.rows import START, add_key, add_org, at
from tests.store.together import draft, impatient, race

WINDOW = timedelta(seconds=60)
COST = timedelta(seconds=20)
"""Three requests a minute."""


@pytest.fixture
def key(store: Store) -> str:
    with store.write() as conn:
        return add_key(conn, add_org(conn))


def take(conn: Connection, key: str, now: datetime, cost: timedelta = COST) -> bool:
    return rate_limits.take(conn, key, now, cost, WINDOW)


def test_a_key_at_rest_has_nothing_in_use(store: Store, key: str) -> None:
    with store.read() as conn:
        assert rate_limits.empty_at(conn, key) == EPOCH


def test_the_whole_limit_may_be_used_at_once_and_no_more(store: Store, key: str) -> None:
    with store.write() as conn:
        assert [take(conn, key, START) for _ in range(5)] == [True, True, True, False, False]
        assert rate_limits.empty_at(conn, key) == START + WINDOW


def test_what_is_refused_uses_nothing(store: Store, key: str) -> None:
    with store.write() as conn:
        for _ in range(3):
            take(conn, key, START)
        assert not take(conn, key, at(19.999999))
        assert take(conn, key, at(20))  # one of the three has leaked
        assert not take(conn, key, at(20))


def test_time_at_rest_is_not_saved_up(store: Store, key: str) -> None:
    with store.write() as conn:
        assert take(conn, key, START)
        later = at(3600)
        assert [take(conn, key, later) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_goes_back_frees_nothing(store: Store, key: str) -> None:
    with store.write() as conn:
        for _ in range(3):
            take(conn, key, START)
        assert not take(conn, key, at(-30))
        assert rate_limits.empty_at(conn, key) == START + WINDOW


@pytest.mark.parametrize(("back", "taken"), [(59, 0), (61, 3), (3600, 3)])
def test_a_clock_that_was_an_hour_ahead_locks_nobody_out(
    store: Store, key: str, back: float, taken: int
) -> None:
    with store.write() as conn:
        for _ in range(3):
            take(conn, key, START)
        assert [take(conn, key, at(-back)) for _ in range(4)].count(True) == taken


def test_a_cost_above_the_window_is_refused_to_a_busy_key(store: Store, key: str) -> None:
    with store.write() as conn:
        assert take(conn, key, START)
        assert not take(conn, key, START, cost=WINDOW)


def test_each_key_has_its_own_limit(store: Store, key: str) -> None:
    with store.write() as conn:
        other = add_key(conn, add_org(conn))
        for _ in range(3):
            assert take(conn, key, START)
        assert take(conn, other, START)
        assert rate_limits.empty_at(conn, other) == START + COST


def test_a_key_has_one_row_and_it_goes_with_the_key(store: Store, key: str) -> None:
    with store.write() as conn:
        take(conn, key, START)
        take(conn, key, at(1))
        assert len(conn.execute(table.select()).all()) == 1
        conn.execute(api_keys.delete().where(api_keys.c.id == key))
        assert conn.execute(table.select()).all() == []


def test_an_unknown_key_has_no_limit_to_take_of(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as conn:
        take(conn, "no key", START)


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_several_processes_at_once_take_no_more_than_the_limit(
    store: Store, key: str, limit: int
) -> None:
    cost = WINDOW // limit
    taken = race(store, 8, lambda conn, _: take(conn, key, START, cost))
    assert taken.count(True) == limit


def test_another_key_is_held_up_on_sqlite_only(store: Store, key: str) -> None:
    held_up = pytest.raises(OperationalError) if store.is_sqlite else nullcontext()
    with store.write() as conn:
        other = add_key(conn, add_org(conn))
    with store.write() as holder:
        assert take(holder, key, START)
        with held_up, impatient(store) as conn:
            assert take(conn, other, START)


def test_a_key_in_use_is_waited_for(store: Store, key: str) -> None:
    with store.write() as holder:
        assert take(holder, key, START)
        with pytest.raises(OperationalError), impatient(store) as conn:
            take(conn, key, START)


@given(
    limit=st.integers(1, 5),
    gaps=st.lists(st.integers(0, 40), min_size=1, max_size=15),
)
@with_one_store(30)
def test_the_statement_is_a_leaky_bucket(store: Store, limit: int, gaps: list[int]) -> None:
    """The model: what is in use leaks at one window a window, and holds one window at most."""
    cost, in_use, now = WINDOW // limit, timedelta(0), START
    with draft(store) as conn:
        key = add_key(conn, add_org(conn))
        for gap in gaps:
            now += timedelta(seconds=gap)
            in_use = max(timedelta(0), in_use - timedelta(seconds=gap))
            fits = in_use + cost <= WINDOW
            assert take(conn, key, now, cost) is fits
            in_use += cost if fits else timedelta(0)
            assert max(rate_limits.empty_at(conn, key), now) == now + in_use
