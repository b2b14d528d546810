"""Counts for the operator, and how late jobs are."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.jobs.base import Jobs
from app.jobs.factory import open_jobs
from app.store import messages, metrics
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.metrics import Counts
from app.store.schema import jobs as jobs_table
from tests.delivery.rows import put_message, record
from tests.store.rows import add_call, add_org, at

URL = "https://client.example/hook"


@pytest.fixture
def jobs(store: Store) -> Jobs:
    """They are enqueued, and never run."""
    return open_jobs(store, {})


def counts(conn: Connection) -> Counts:
    return metrics.counts(conn, metrics.totals(conn))


def test_an_empty_store_counts_nothing(store: Store) -> None:
    with store.read() as conn:
        assert counts(conn) == Counts({}, {}, None)
        assert metrics.overdue(conn, at(0)) == 0


def test_calls_and_messages_are_counted_by_what_became_of_them(store: Store) -> None:
    with store.write() as conn:
        org, other = add_org(conn), add_org(conn)
        ids = org, add_call(conn, org, status="ended")
        add_call(conn, other, status="ended", settled_at=at(3))
        add_call(conn, other, status="queued")
    for age, key in ((0, "a"), (1, "b"), (2, "c"), (3, "d")):
        put_message(store, ids, key, URL, at=at(age))
    record(store, ids, "a")
    record(store, ids, "d", state=messages.FAILED)
    with store.read() as conn:
        found = counts(conn)
    assert found.calls == {"ended": 2, "queued": 1}
    assert found.messages == {"delivered": 1, "pending": 2, "failed": 1}
    assert found.oldest_pending == at(1)  # the oldest of all is delivered


def test_nothing_pending_has_no_oldest(store: Store) -> None:
    with store.write() as conn:
        org = add_org(conn)
        ids = org, add_call(conn, org)
    put_message(store, ids, "a", URL)
    record(store, ids, "a", state=messages.FAILED)
    with store.read() as conn:
        assert counts(conn).oldest_pending is None


def due_of(store: Store, key: str) -> sa.TextClause | sa.Select[tuple[object]]:
    if store.is_sqlite:
        return sa.select(jobs_table.c.due).where(jobs_table.c.key == key)
    queueing = "SELECT scheduled_at FROM procrastinate_jobs WHERE queueing_lock = :key"
    return sa.text(queueing).bindparams(key=key)


def test_the_earliest_waiting_job_tells_how_late_all_are(store: Store, jobs: Jobs) -> None:
    with store.write() as conn:
        jobs.enqueue(conn, "kind", "late", {}, delay=60.0)
        jobs.enqueue(conn, "kind", "later", {}, delay=600.0)
        due = conn.execute(due_of(store, "late")).scalar_one()
        assert metrics.overdue(conn, due) == 0
        assert metrics.overdue(conn, due + (at(7) - at(0))) == 7
        assert metrics.overdue(conn, due - (at(7) - at(0))) == 0  # it is not due yet
        jobs.cancel(conn, "late")
        assert metrics.overdue(conn, due + (at(7) - at(0))) == 0


def test_a_due_message_is_late_until_attempts_are_made(store: Store) -> None:
    with store.write() as conn:
        org = add_org(conn)
        ids = org, add_call(conn, org)
    put_message(store, ids, "a", URL, at=at(0))
    put_message(store, ids, "b", URL, at=at(0))
    with store.read() as conn:
        assert metrics.overdue(conn, at(90)) == 90
    record(store, ids, "a", Attempt(at(80), 1, 200))
    with store.read() as conn:  # it is worked on: "b" waits for its receiver
        assert metrics.overdue(conn, at(90)) == 10
    record(store, ids, "b", Attempt(at(81), 1, 200))
    with store.read() as conn:
        assert metrics.overdue(conn, at(900)) == 0


def test_a_late_timer_counts_as_well(store: Store, jobs: Jobs) -> None:
    with store.write() as conn:
        org = add_org(conn)
        add_call(conn, org, timers={"join": {"due": 0}}, next_timer_at=at(60))
        add_call(conn, org, next_timer_at=at(70))
        assert metrics.overdue(conn, at(60)) == 0
        assert metrics.overdue(conn, at(67)) == 7
        jobs.enqueue(conn, "kind", "later", {}, delay=600.0)
        assert metrics.overdue(conn, at(67)) == 7


def test_older_totals_are_added_to_what_is_counted_now(store: Store) -> None:
    with store.write() as conn:
        org = add_org(conn)
        before = metrics.totals(conn)
        call = add_call(conn, org, status="ended")
        add_call(conn, org, status="ended", settled_at=at(3))
    put_message(store, (org, call), "a", URL)
    with store.read() as conn:
        found = metrics.counts(conn, before)
        assert (found.calls, found.messages) == ({"ended": 1}, {"pending": 1})
        assert metrics.totals(conn) == metrics.Totals(settled=1, delivered=0)
