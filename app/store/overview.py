"""Numbers over an organisation's newest calls, and over its server messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Row, every
from app.store.schema import (
    IS_FAILED,
    IS_PENDING,
    IS_SETTLED,
    IS_UNSETTLED,
    call_events,
    calls,
    messages,
)
from providers.events import CallStatus, EventKind

HOUR = 3600
REPORT = "end-of-call-report"
"""The key of the one message of a call that reports its end."""


class Group(NamedTuple):
    """Calls of one hour with the same status and ended reason."""

    hour: int
    """Hours since 1970."""
    status: str
    reason: str | None
    number: int
    joined: int
    """Of these, calls that an assistant joined."""
    cost: float


class Undelivered(NamedTuple):
    """Server messages that have not arrived."""

    failed: int
    waiting: int


def groups(conn: Connection, org_id: str, since: datetime, most: int) -> list[Group]:
    """The newest calls since then, at most ``most``, in groups."""
    hour = sa.type_coerce(calls.c.created_at, sa.BigInteger) // (HOUR * 1_000_000)
    newest = (
        sa.select(
            hour.label("hour"),
            calls.c.status,
            calls.c.ended_reason,
            sa.case((calls.c.started_at.is_not(None), 1), else_=0).label("joined"),
            calls.c.body["cost"].as_float().label("cost"),
        )
        .where(calls.c.org_id == org_id, calls.c.created_at >= since)
        .order_by(calls.c.created_at.desc(), calls.c.id.desc())
        .limit(most)
        .subquery()
    )
    own = newest.c
    query = sa.select(
        own.hour,
        own.status,
        own.ended_reason,
        sa.func.count(),
        sa.func.sum(own.joined),
        sa.func.coalesce(sa.func.sum(own.cost), 0.0),
    ).group_by(own.hour, own.status, own.ended_reason)
    return [Group(*row) for row in conn.execute(query)]


def joined_calls(conn: Connection, org_id: str, since: datetime, most: int) -> Sequence[Row]:
    """``id`` and the body's ``messages`` of the newest settled calls that an assistant joined."""
    query = (
        sa.select(calls.c.id, calls.c.body["messages"].as_json().label("messages"))
        .where(
            calls.c.org_id == org_id,
            calls.c.created_at >= since,
            calls.c.started_at.is_not(None),
            IS_SETTLED,
        )
        .order_by(calls.c.created_at.desc(), calls.c.id.desc())
        .limit(most)
    )
    return every(conn.execute(query))


def live(conn: Connection, org_id: str, most: int) -> Sequence[Row]:
    """The newest calls that have not ended."""
    query = (
        sa.select(calls)
        .where(calls.c.org_id == org_id, IS_UNSETTLED, calls.c.status != str(CallStatus.ENDED))
        .order_by(calls.c.created_at.desc(), calls.c.id.desc())
        .limit(most)
    )
    return every(conn.execute(query))


def live_revision(conn: Connection, org_id: str) -> str:
    """Another text whenever an unsettled call of the organisation has changed."""
    changed = sa.func.max(sa.type_coerce(calls.c.updated_at, sa.BigInteger))
    query = sa.select(sa.func.count(), changed).where(calls.c.org_id == org_id, IS_UNSETTLED)
    count, newest = conn.execute(query).one()
    return f"{count}-{newest or 0}"


def reports(conn: Connection, call_ids: Collection[str]) -> dict[str, str]:
    """The state of each call's end-of-call report, without those that have none."""
    query = sa.select(messages.c.call_id, messages.c.state).where(
        messages.c.call_id.in_([*call_ids]), messages.c.key == REPORT
    )
    return {row.call_id: row.state for row in conn.execute(query)} if call_ids else {}


def undelivered(conn: Connection, org_id: str) -> Undelivered:
    """The organisation's failed and waiting messages. Both indexes have few rows."""
    mine = messages.c.org_id == org_id
    failed = sa.select(sa.func.count()).select_from(messages).where(IS_FAILED, mine)
    waiting = sa.select(sa.func.count()).select_from(messages).where(IS_PENDING, mine)
    return Undelivered(*(int(conn.execute(each).scalar_one()) for each in (failed, waiting)))


def joins(conn: Connection, call_ids: Collection[str], up: Collection[EventKind]) -> list[float]:
    """Seconds from the leg that is up, by events of these kinds, to the first media socket."""
    own = call_events.c
    at = sa.type_coerce(own.at, sa.BigInteger)

    def first(*kinds: EventKind) -> sa.ColumnElement[int]:
        return sa.func.min(sa.case((own.kind.in_([str(kind) for kind in kinds]), at)))

    query = (
        sa.select(first(EventKind.MEDIA_CONNECTED) - first(*up))
        .where(own.call_id.in_([*call_ids]))
        .group_by(own.call_id)
    )
    found = conn.execute(query).scalars() if call_ids else ()
    return [max(0.0, micros / 1_000_000) for micros in found if micros is not None]
