"""Lists of an organisation's messages across its calls, and the resend of some of one call."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Row, every
from app.store.messages import FAILED, PENDING, RELEASE, RESEND
from app.store.prepared import Prepared
from app.store.resources import Window
from app.store.schema import IS_FAILED, IS_PENDING, message_attempts, messages

# Each has a small index. The delivered ones, which are many, are listed by their call.
STATES: Mapping[str, sa.ColumnElement[bool]] = {FAILED: IS_FAILED, PENDING: IS_PENDING}

_MOVE = Prepared(
    messages.update()
    .where(messages.c.id == sa.bindparam("message"))
    .values(seq=sa.bindparam("place", type_=sa.BigInteger))
)


def listing(
    conn: Connection, org_id: str, state: str, window: Window, *, oldest_first: bool = False
) -> Sequence[Row]:
    """The messages in one of ``STATES``, newest first."""
    query = sa.select(messages).where(STATES[state], messages.c.org_id == org_id)
    for column, name, at in window.times:
        query = query.where(getattr(operator, name)(messages.c[column], at))
    order = sa.asc if oldest_first else sa.desc
    query = query.order_by(order(messages.c.created_at), order(messages.c.seq))
    return every(conn.execute(query.limit(window.limit)))


def pending_of(conn: Connection, call_ids: Collection[str]) -> Sequence[Row]:
    """The pending messages of these calls, each call's in the order they are sent."""
    query = sa.select(messages).where(IS_PENDING, messages.c.call_id.in_(call_ids))
    return every(conn.execute(query.order_by(messages.c.call_id, messages.c.seq)))


def last_attempts(conn: Connection, message_ids: Collection[str]) -> dict[str, Row]:
    """The latest attempt at each of these messages, by the message's id."""
    last = (
        sa.select(sa.func.max(message_attempts.c.id))
        .where(message_attempts.c.message_id.in_(message_ids))
        .group_by(message_attempts.c.message_id)
    )
    rows = every(conn.execute(sa.select(message_attempts).where(message_attempts.c.id.in_(last))))
    return {row["message_id"]: row for row in rows}


def resend(
    conn: Connection,
    call_id: str,
    message_ids: Collection[str],
    *,
    at: datetime,
    failed_only: bool = False,
) -> int:
    """Make these messages of a call pending, with all their attempts before them.

    They go before the pending ones that would hold them back, in their own order. Returns their
    number. The caller holds the lock on the call's row, and wakes the dispatcher.
    """
    query = sa.select(messages.c.id, messages.c.seq).where(
        messages.c.call_id == call_id, messages.c.id.in_(message_ids)
    )
    if failed_only:
        query = query.where(IS_FAILED)
    chosen = every(conn.execute(query.order_by(messages.c.seq)))
    ids = [row["id"] for row in chosen]
    first = conn.scalar(
        sa.select(sa.func.min(messages.c.seq)).where(
            messages.c.call_id == call_id, IS_PENDING, messages.c.id.not_in(ids)
        )
    )
    if chosen and first is not None and chosen[-1]["seq"] > first:
        places = range(first - len(ids), first)
        pairs = zip(ids, places, strict=True)
        _MOVE.many(conn, [{"message": each, "place": place} for each, place in pairs])
    RESEND.many(conn, [{"message": each, "now": at} for each in ids])
    RELEASE.put(conn, {"call": call_id, "now": at})
    return len(ids)
