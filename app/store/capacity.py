"""Counts the calls that hold a concurrency slot.

A call with bypass holds one once its leg has fetched our document or opened its socket. A call that
we dial holds one from its creation: the assistant has to be there when the callee answers.
A leg that waits in the queue holds none.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.prepared import Prepared
from app.store.schema import IS_UNSETTLED, call_events, call_tokens, calls, queue
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
_TAKEN = Prepared(
    sa.select(sa.func.count())
    .select_from(calls)
    .where(
        IS_UNSETTLED,  # for its index: calls that live are unsettled
        calls.c.status.in_([sa.literal(str(status)) for status in LIVE]),
        calls.c.id != sa.bindparam("but"),
        sa.or_(calls.c.bypass.is_(False), _FETCHED, _OPENED),
        calls.c.id.not_in(sa.select(queue.c.call_id)),
    )
)
_TRY_LOCK = Prepared(sa.text("SELECT pg_try_advisory_xact_lock(7043)"))


def slots_in_use(conn: Connection, but: str = "") -> int:
    """Calls of all organisations that hold a slot, except ``but``."""
    return int(_TAKEN.scalar(conn, {"but": but}))


def scheduled(conn: Connection, org_id: str) -> int:
    """Calls of one organisation that wait for their time."""
    query = sa.select(sa.func.count()).where(
        IS_UNSETTLED, calls.c.org_id == org_id, calls.c.status == str(CallStatus.SCHEDULED)
    )
    return int(conn.execute(query).scalar_one())


def lock_slots(conn: Connection) -> None:
    """Let no other transaction count slots before this one ends.

    SQLite has one writer at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("SELECT pg_advisory_xact_lock(7043)"))


def try_lock_slots(conn: Connection) -> bool:
    """The same, unless another transaction counts slots now: then False, without a wait."""
    return conn.dialect.name != "postgresql" or bool(_TRY_LOCK.scalar(conn, {}))
