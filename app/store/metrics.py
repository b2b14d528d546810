"""Counts for ``/metrics``. They reveal nothing of a single organisation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store import owner_callbacks, queue, timers
from app.store.messages import DELIVERED, FAILED, PENDING
from app.store.queue import Waiting
from app.store.schema import (
    IS_FAILED,
    IS_PENDING,
    IS_SETTLED,
    IS_UNSETTLED,
    calls,
    jobs,
    message_attempts,
    messages,
)
from providers.events import CallStatus

# On PostgreSQL the jobs are Procrastinate's.
_EARLIEST = sa.text("SELECT min(scheduled_at) FROM procrastinate_jobs WHERE status = 'todo'")

_EARLIEST_MESSAGE = sa.select(sa.func.min(messages.c.next_at)).where(IS_PENDING)
_LAST_ATTEMPT = sa.select(message_attempts.c.at).order_by(message_attempts.c.id.desc()).limit(1)


_UNSETTLED = sa.select(calls.c.status, sa.func.count()).where(IS_UNSETTLED).group_by(calls.c.status)


def _number(table: sa.Table, *terms: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(*terms).scalar_subquery()


_PENDING, _FAILED = _number(messages, IS_PENDING), _number(messages, IS_FAILED)
_UNDELIVERED = sa.select(sa.func.count(), sa.func.min(messages.c.created_at), _FAILED).where(
    IS_PENDING
)
_TOTALS = sa.select(_number(calls, IS_SETTLED), _number(messages) - _PENDING - _FAILED)


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers that grow for ever. To count them takes longer the more there are."""

    settled: int
    """Calls."""
    delivered: int
    """Server messages."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts. ``oldest_pending``: when the oldest pending server message was created."""

    calls: Mapping[str, int]
    messages: Mapping[str, int]
    oldest_pending: datetime | None
    waiting: Waiting = queue.NOBODY
    oldest_owners: datetime | None = None
    """When the oldest callback came that was not passed on to its owner."""


def totals(conn: Connection) -> Totals:
    """Count all. SQLite and PostgreSQL read whole indexes for it."""
    return Totals(*conn.execute(_TOTALS).one())


def counts(conn: Connection, totals: Totals) -> Counts:
    """Count the few unsettled calls and undelivered messages, and add these totals."""
    by_status = Counter({status: int(count) for status, count in conn.execute(_UNSETTLED)})
    by_status[CallStatus.ENDED] += totals.settled  # only an ended call is settled
    pending, oldest, failed = conn.execute(_UNDELIVERED).one()
    by_state = {PENDING: pending, FAILED: failed, DELIVERED: totals.delivered}
    return Counts(
        calls={status: count for status, count in by_status.items() if count},
        messages={state: count for state, count in by_state.items() if count},
        oldest_pending=oldest,
        waiting=queue.waiting(conn),
        oldest_owners=owner_callbacks.oldest_pending(conn),
    )


def overdue(conn: Connection, now: datetime) -> float:
    """Seconds since the earliest untaken job, timer or message was due; 0 when none is."""
    if conn.dialect.name == "sqlite":
        waiting = sa.select(sa.func.min(jobs.c.due)).where(jobs.c.leased_until.is_(None))
        job = conn.execute(waiting).scalar()
    else:
        job = conn.execute(_EARLIEST).scalar()
    times = (job, timers.earliest(conn), _undelivered_since(conn))
    return max(0.0, *((now - due).total_seconds() for due in times if due), 0.0)


def _undelivered_since(conn: Connection) -> datetime | None:
    """Since when messages are due while no attempt is made.

    A due message of a receiver that hangs may wait for long while others are sent.
    """
    due = conn.execute(_EARLIEST_MESSAGE).scalar()
    last = conn.execute(_LAST_ATTEMPT).scalar() if due else None
    return max(due, last) if due and last else due
