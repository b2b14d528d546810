"""The line, while other transactions are under way. PostgreSQL: SQLite has one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from app.domain.calls import record
from app.domain.calls.apply import request_end
from app.domain.calls.record import CallTx
from app.domain.legs import transfer
from app.domain.legs.queue import advance, wake
from app.domain.services.calls import CallService
from app.domain.services.webhooks import LegService
from app.jobs.factory import open_jobs
from app.settings import Settings
from app.store.connection import Connection
from app.store.engine import Store
from providers.events import EndedReason
from tests.domain.queue_world import World, world
from tests.fakes.carriers.twilio import TWILIO
from tests.store.together import impatient

THERE = {"type": "number", "number": "+14155550188"}
WAITS_FOR_SLOTS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND objid = 7043 AND NOT granted AND datname = current_database()
"""


class Slow:
    """A store whose next transaction stands still before its commit, while others go on."""

    def __init__(self, store: Store, meanwhile: Callable[[], None]) -> None:
        self._store = store
        self._meanwhile = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        others = [self._meanwhile.pop()] if self._meanwhile else []
        with self._store.write() as conn:
            yield conn
            for go_on in others:
                go_on()


@pytest.fixture
def one(settings: Settings) -> Iterator[World]:
    """One slot."""
    with world(settings, TWILIO, allowed_countries=frozenset({"US"})) as made:
        yield made


# ------------------------------------------------------------------ the slot


def test_a_slot_that_is_freed_while_a_leg_enters_the_line_is_the_leg_s(one: World) -> None:
    """The end does not see the ticket yet, and the leg has counted without the end."""
    context = one.ours.context
    if context.store.is_sqlite:
        return
    first, fast = one.arrive(), one.ours.legs
    with ThreadPoolExecutor(1) as pool:

        def meanwhile() -> None:
            one.ours.legs = fast
            one.hang_up(first)
            if wake.JOB in one.ours.later.waiting:
                job = pool.submit(advance.run, context, {})
                while not (job.done() or waits_for_slots(context.store)):
                    continue

        slow = replace(context, store=cast("Store", Slow(context.store, meanwhile)))
        one.ours.legs = LegService(slow)
        second = one.arrive()
    assert second.waits
    one.run_jobs()
    assert second.connected


def test_the_end_of_a_call_queues_no_job_where_no_leg_waits(one: World) -> None:
    one.hang_up(one.arrive())
    assert wake.JOB not in one.ours.later.waiting


# ------------------------------------------------------------------ what is locked


def end(tx: CallTx) -> None:
    request_end(tx, EndedReason.MANUALLY_CANCELED)


def forward(tx: CallTx) -> None:
    assert transfer.begin(tx, THERE, reason=EndedReason.ASSISTANT_FORWARDED_CALL) is None


def delete(tx: CallTx) -> None:
    CallService(tx.context).erase(tx.conn, tx.call)


@pytest.mark.parametrize("leave", [end, forward, delete])
def test_a_call_that_frees_its_slot_locks_the_job_last(
    one: World, leave: Callable[[CallTx], None]
) -> None:
    """Else two that lock the owner's row of the dial limit before it and behind it are deadlocked."""
    store = one.ours.context.store
    if store.is_sqlite:
        return
    first, _ = one.arrive(), one.arrive()
    assert one.join(first)
    context = replace(one.ours.context, jobs=open_jobs(store, {}))
    with store.write() as conn:
        call = record.get(conn, one.id_of(first), lock=True)
        assert call is not None
        leave(CallTx(context, conn, call))
        conn.settle()
        with impatient(store) as other:
            context.jobs.enqueue(other, wake.JOB, wake.JOB, {})


# ------------------------------------------------------------------ steps


def waits_for_slots(store: Store) -> bool:
    """Whether a transaction waits for the lock of the slots."""
    with store.read() as conn:
        return bool(conn.exec_driver_sql(WAITS_FOR_SLOTS).scalar())
