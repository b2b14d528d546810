"""The times at which the calls' timers are due. ``calls`` has them beside the call."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.prepared import Prepared
from app.store.schema import HAS_TIMER, calls

# SQLite uses the partial index only if the query repeats the index's condition.
_UPCOMING = Prepared(
    sa.select(calls.c.id, calls.c.next_timer_at)
    .where(HAS_TIMER)
    .order_by(calls.c.next_timer_at)
    .limit(sa.bindparam("number"))
)


def upcoming(conn: Connection, number: int) -> list[tuple[str, datetime]]:
    """The calls whose timers are due next, each with the time, the earliest first."""
    return [(row["id"], row["next_timer_at"]) for row in _UPCOMING.every(conn, {"number": number})]


def earliest(conn: Connection) -> datetime | None:
    """When the next timer of all calls is due."""
    return next((due for _, due in upcoming(conn, 1)), None)
