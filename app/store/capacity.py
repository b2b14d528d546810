"""How many calls take up sound: a leg that was given our document, or that opened its socket.

A call we dial counts from its creation: whoever picks the phone up must find the assistant there.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.schema import call_events, call_tokens, calls
from providers.events import CallStatus, EventKind

LIVE = (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)

_FETCHED = sa.exists().where(
    call_events.c.call_id == calls.c.id, call_events.c.kind == EventKind.LEG_FETCHED
)
_OPENED = sa.exists().where(
    call_tokens.c.call_id == calls.c.id,
    call_tokens.c.purpose == "media",
    call_tokens.c.used_at.is_not(None),
)
_TAKEN = (
    sa.select(sa.func.count())
    .select_from(calls)
    .where(
        calls.c.status.in_(LIVE),
        calls.c.id != sa.bindparam("but"),
        sa.or_(calls.c.bypass.is_(False), _FETCHED, _OPENED),
    )
)


def slots_in_use(conn: Connection, but: str = "") -> int:
    """Calls of all organisations that hold a seat, ``but`` one."""
    return int(conn.execute(_TAKEN, {"but": but}).scalar_one())


def lock_slots(conn: Connection) -> None:
    """Until this transaction ends nobody else counts seats. On SQLite writers take turns anyway."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("SELECT pg_advisory_xact_lock(7043)"))
