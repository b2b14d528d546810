"""Counts for ``/metrics``. They reveal nothing of a single organisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.schema import calls, jobs, messages

# On PostgreSQL the jobs are Procrastinate's.
_EARLIEST = sa.text("SELECT min(scheduled_at) FROM procrastinate_jobs WHERE status = 'todo'")


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts. ``oldest_pending``: when the oldest pending server message was created."""

    calls: Mapping[str, int]
    messages: Mapping[str, int]
    oldest_pending: datetime | None


def counts(conn: Connection) -> Counts:
    oldest = sa.select(sa.func.min(messages.c.created_at)).where(messages.c.state == "pending")
    return Counts(
        calls=_by(conn, calls.c.status),
        messages=_by(conn, messages.c.state),
        oldest_pending=conn.execute(oldest).scalar(),
    )


def _by(conn: Connection, column: sa.Column[str]) -> dict[str, int]:
    found = conn.execute(sa.select(column, sa.func.count()).group_by(column))
    return {name: int(count) for name, count in found}


def overdue(conn: Connection, now: datetime) -> float:
    """Seconds since the earliest untaken job was due; 0 when none is."""
    if conn.dialect.name == "sqlite":
        waiting = sa.select(sa.func.min(jobs.c.due)).where(jobs.c.leased_until.is_(None))
        due = conn.execute(waiting).scalar()
    else:
        due = conn.execute(_EARLIEST).scalar()
    return max(0.0, (now - due).total_seconds()) if due else 0.0
