"""The line, while other transactions are under way. PostgreSQL: SQLite has one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from app.domain.calls import record
from app.domain.calls.apply import request_end
from app.domain.calls.record import CallTx
from app.domain.legs import transfer
from app.domain.legs.queue import advance
from app.domain.services.calls import CallService
from app.jobs.factory import open_jobs
from app.settings import Settings
from app.store.connection import Connection
from providers.events import EndedReason
from tests.domain.queue_world import Caller, World, world
from tests.fakes.carriers.twilio import TWILIO
from tests.store.together import impatient

THERE = {"type": "number", "number": "+14155550188"}


@pytest.fixture
def twilio(settings: Settings) -> Iterator[World]:
    """One slot, and a job engine that is not a test's."""
    with world(settings, TWILIO, allowed_countries=frozenset({"US"})) as made:
        jobs = open_jobs(made.ours.context.store, {})
        made.ours.context = replace(made.ours.context, jobs=jobs)
        yield made


# ------------------------------------------------------------------ what is locked


def end(tx: CallTx) -> None:
    request_end(tx, EndedReason.MANUALLY_CANCELED)


def forward(tx: CallTx) -> None:
    assert transfer.begin(tx, THERE, reason=EndedReason.ASSISTANT_FORWARDED_CALL) is None


def delete(tx: CallTx) -> None:
    CallService(tx.context).erase(tx.conn, tx.call)


@pytest.mark.parametrize("leave", [end, forward, delete])
def test_a_call_that_frees_its_slot_locks_the_job_last(
    twilio: World, leave: Callable[[CallTx], None]
) -> None:
    """Else two that lock the owner's row of the dial limit before it and behind it are deadlocked."""
    if twilio.ours.context.store.is_sqlite:
        return
    first, _ = twilio.arrive(), twilio.arrive()
    assert twilio.join(first)
    jobs = twilio.ours.context.jobs
    with twilio.ours.context.store.write() as conn:
        leave(locked(twilio, conn, first))
        conn.settle()
        with impatient(twilio.ours.context.store) as other:
            jobs.enqueue(other, advance.JOB, advance.JOB, {})


# ------------------------------------------------------------------ steps


def locked(world: World, conn: Connection, caller: Caller) -> CallTx:
    """The caller's call, locked by this transaction."""
    call = record.get(conn, world.id_of(caller), lock=True)
    assert call is not None
    return CallTx(world.ours.context, conn, call)
