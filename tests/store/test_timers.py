"""The calls whose timers are due next."""

from __future__ import annotations

import pytest

from app.store import calls, timers
from app.store.engine import Store
from tests.store.rows import add_call, add_org, at


def test_the_earliest_first(store: Store) -> None:
    with store.write() as conn:
        org = add_org(conn)
        for id_, due in (("b", at(2)), ("none", None), ("c", at(3)), ("a", at(1))):
            add_call(conn, org, id_, next_timer_at=due)
        assert timers.upcoming(conn, 2) == [("a", at(1)), ("b", at(2))]
        assert timers.earliest(conn) == at(1)
        for id_ in "abc":
            calls.delete(conn, id_)
        assert (timers.upcoming(conn, 2), timers.earliest(conn)) == ([], None)


def test_the_query_reads_the_index_alone(store: Store) -> None:
    """Calls without a timer, nearly all that are stored, cost it nothing."""
    if not store.is_sqlite:
        return  # PostgreSQL plans by statistics, which an empty table has none of
    with store.read() as conn:
        query = f"EXPLAIN QUERY PLAN {timers._UPCOMING._statement.compile(conn)}"
        (step,) = conn.exec_driver_sql(query, (1, 0)).all()
    assert "calls USING INDEX ix_calls_next_timer_at" in step.detail


@pytest.mark.parametrize("locked", [False, True])
def test_a_locked_call_is_passed_over(store: Store, locked: bool) -> None:
    if store.is_sqlite:
        return  # SQLite has one writer at a time
    with store.write() as conn:
        call_id = add_call(conn, add_org(conn))
    with store.write() as holder, store.write() as other:
        calls.get(holder, call_id, lock=locked)
        found = calls.lock_free(other, call_id)
        assert (found is None) == locked
