"""The queue: legs that wait for a slot, a row each, in the order of their tickets.

A ticket is given under the lock of the slots (``capacity.lock_slots``), so that the order holds for
all processes. A callback has the ticket of the leg that it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.prepared import Prepared
from app.store.schema import calls, queue
from providers.events import CallStatus

LEG, CALLBACK = "leg", "callback"
"""Kinds of rows."""
RECENT = 50
"""Calls whose lengths the expected wait is computed from."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One row: a leg that waits, or its callback."""

    call_id: str
    ticket: int
    kind: str
    caller: str | None
    offers_callback: bool
    entered_at: datetime
    told_position: int | None
    told_at: datetime | None
    turn_until: datetime
    called_at: datetime | None = None


class Waiting(NamedTuple):
    """How many legs wait, and since when the first of them does."""

    legs: int
    since: datetime | None


NOBODY = Waiting(0, None)
COLUMNS = tuple(column.name for column in queue.c)
_GET = Prepared(sa.select(queue).where(queue.c.call_id == sa.bindparam("call")))
_AHEAD = Prepared(
    sa.select(sa.func.count()).select_from(queue).where(queue.c.ticket < sa.bindparam("ticket"))
)
_LENGTH = Prepared(sa.select(sa.func.count()).select_from(queue))
_LAST = Prepared(sa.select(sa.func.max(queue.c.ticket)))
_FIRST = Prepared(sa.select(queue).order_by(queue.c.ticket).limit(sa.bindparam("number")))
_WAITING = Prepared(
    sa.select(sa.func.count().label("legs"), sa.func.min(queue.c.entered_at).label("since"))
    .select_from(queue)
    .where(queue.c.kind == LEG)
)
_HAS_CALLBACK = Prepared(
    sa.select(queue.c.call_id)
    .where(queue.c.kind == CALLBACK, queue.c.caller == sa.bindparam("caller"))
    .limit(1)
)
_INSERT = Prepared(queue.insert(), COLUMNS)
_REMOVE = Prepared(queue.delete().where(queue.c.call_id == sa.bindparam("call")))
_REMOVE_ENDED = Prepared(
    queue.delete().where(
        sa.exists().where(calls.c.id == queue.c.call_id, calls.c.status == str(CallStatus.ENDED))
    )
)
_TURN = Prepared(
    queue.update()
    .where(queue.c.call_id == sa.bindparam("call"))
    .values(
        told_position=sa.bindparam("position"),
        told_at=sa.bindparam("told", type_=queue.c.told_at.type),
        turn_until=sa.bindparam("until", type_=queue.c.turn_until.type),
    )
)
_CALL = Prepared(
    queue.update()
    .where(queue.c.call_id == sa.bindparam("call"))
    .values(called_at=sa.bindparam("at", type_=queue.c.called_at.type))
)
_LENGTHS = Prepared(
    sa.select(calls.c.started_at, calls.c.ended_at)
    .where(
        calls.c.org_id == sa.bindparam("org"),
        calls.c.status == str(CallStatus.ENDED),
        calls.c.started_at.is_not(None),
        calls.c.ended_at.is_not(None),
    )
    .order_by(calls.c.created_at.desc())
    .limit(RECENT)
)


def get(conn: Connection, call_id: str) -> Ticket | None:
    """The ticket of a call; None: it does not wait."""
    row = _GET.one(conn, {"call": call_id})
    return Ticket(**row) if row else None


def ahead(conn: Connection, ticket: Ticket | None) -> int:
    """The tickets before this one. Without one the call is behind all of them."""
    if ticket is None:
        return length(conn)
    return int(_AHEAD.scalar(conn, {"ticket": ticket.ticket}))


def length(conn: Connection) -> int:
    """The tickets of legs and callbacks."""
    return int(_LENGTH.scalar(conn, {}))


def next_ticket(conn: Connection) -> int:
    """A ticket behind all others. The caller holds the lock of the slots."""
    return int(_LAST.scalar(conn, {}) or 0) + 1


def first(conn: Connection, number: int) -> Sequence[Ticket]:
    """The first so many tickets."""
    return [Ticket(**row) for row in _FIRST.every(conn, {"number": number})]


def waiting(conn: Connection) -> Waiting:
    """The legs that wait."""
    return Waiting(**(_WAITING.one(conn, {}) or {"legs": 0, "since": None}))


def has_callback(conn: Connection, caller: str) -> bool:
    """Whether this number will be called back already."""
    return _HAS_CALLBACK.scalar(conn, {"caller": caller}) is not None


def add(conn: Connection, ticket: Ticket) -> None:
    _INSERT.put(conn, {name: getattr(ticket, name) for name in COLUMNS})


def remove(conn: Connection, call_id: str) -> None:
    """Nothing, if the call is not in the queue."""
    _REMOVE.put(conn, {"call": call_id})


def remove_ended(conn: Connection) -> None:
    """The tickets of calls that are over, which a process without a limit has left behind."""
    _REMOVE_ENDED.put(conn, {})


def turn(
    conn: Connection, call_id: str, until: datetime, position: int | None, told: datetime | None
) -> None:
    """Keep when the leg asks again, and what its caller was told when."""
    _TURN.put(conn, {"call": call_id, "until": until, "position": position, "told": told})


def mark_called(conn: Connection, call_id: str, at: datetime | None) -> None:
    """Keep when the leg was called to its slot; None: the call failed."""
    _CALL.put(conn, {"call": call_id, "at": at})


def mean_length(conn: Connection, org_id: str) -> float | None:
    """The mean length of the last calls of an organisation, in seconds; None: there are none."""
    found = _LENGTHS.every(conn, {"org": org_id})
    lengths = [(row["ended_at"] - row["started_at"]).total_seconds() for row in found]
    return sum(lengths) / len(lengths) if lengths else None
