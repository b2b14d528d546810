"""The job that calls the first of the line to free slots: who frees one queues it."""

from __future__ import annotations

from functools import partial

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.store import capacity, queue
from app.store.engine import before_commit

JOB = "advance-queue"


def enqueue(context: Context, conn: Connection) -> None:
    """Queue the job at the end of the transaction, if a leg waits or may be about to.

    All calls share the job's row: a transaction that holds it waits for no other lock.
    """
    if context.settings.max_concurrent_calls:
        before_commit(conn, partial(_enqueue, context, conn))


def _enqueue(context: Context, conn: Connection) -> None:
    """A transaction that counts slots does not see this one's, and may yet insert a ticket."""
    if not capacity.try_lock_slots(conn) or queue.length(conn):
        context.jobs.enqueue(conn, JOB, JOB, {})
