"""What carriers have sent to the flow's owner by way of us: a row each, in the order of arrival.

A row waits for its call (``call_id`` NULL), for the owner's server (``pending``), or for both. Rows
of one ``lane``, which is one call at the carrier, are passed on in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, insert_once
from app.store.prepared import Prepared
from app.store.schema import IS_PASSED_ON, IS_UNBOUND, owner_callbacks

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
KEPT = "kept"
"""There is nowhere to pass it on to: it waits for its call only."""

_columns = owner_callbacks.c
_TIME = _columns.next_at.type
_NOW = sa.bindparam("now", type_=_TIME)
_THIS = _columns.id == sa.bindparam("callback")
_OF_KEY = sa.and_(_columns.lane == sa.bindparam("lane"), _columns.key == sa.bindparam("key"))
_TO = _columns.receiver == sa.bindparam("receiver")

_older = owner_callbacks.alias("older")
_held_back = sa.exists().where(
    _older.c.lane == _columns.lane,
    _older.c.receiver == _columns.receiver,  # whose job looks for what is due
    _older.c.state == sa.literal_column("'pending'"),
    _older.c.id < _columns.id,
)
_DUE = Prepared(
    sa.select(owner_callbacks)
    .where(IS_PASSED_ON, _TO, _columns.next_at <= _NOW, sa.not_(_held_back))
    .order_by(_columns.next_at, _columns.id)
    .limit(sa.bindparam("number", type_=sa.Integer))
)
_NEXT = Prepared(
    sa.select(_columns.next_at)
    .where(IS_PASSED_ON, _TO, sa.not_(_held_back))
    .order_by(_columns.next_at, _columns.id)
    .limit(1)
)
_RECORD = Prepared(
    owner_callbacks.update()
    .where(_THIS, IS_PASSED_ON)
    .values(
        state=sa.bindparam("then", type_=_columns.state.type),
        attempts=_columns.attempts + 1,
        status_code=sa.bindparam("code", type_=_columns.status_code.type),
        error=sa.bindparam("why", type_=_columns.error.type),
        next_at=sa.bindparam("until", type_=_TIME),
        updated_at=_NOW,
    )
)
_failed = owner_callbacks.alias("failed")


def _of_failed(column: sa.ColumnElement[str]) -> sa.ScalarSelect[str]:
    """Of the row that is tried again later."""
    is_it = _failed.c.id == sa.bindparam("callback")
    is_pending = _failed.c.state == sa.literal_column("'pending'")
    return sa.select(column).where(is_it, is_pending).scalar_subquery()


_HOLD_BACK = Prepared(
    owner_callbacks.update()
    .where(
        IS_PASSED_ON,
        _columns.lane == _of_failed(_failed.c.lane),
        _columns.receiver == _of_failed(_failed.c.receiver),
        _columns.id > sa.bindparam("callback"),
        _columns.next_at < sa.bindparam("until", type_=_TIME),
    )
    .values(next_at=sa.bindparam("until", type_=_TIME))
)
_UNBOUND = Prepared(
    sa.select(owner_callbacks)
    .where(IS_UNBOUND, _columns.lane == sa.bindparam("lane"))
    .order_by(_columns.id)
    .limit(sa.bindparam("number", type_=sa.Integer))
)
_WAITS_FOR = Prepared(
    sa.select(_columns.lane)
    .distinct()
    .where(
        IS_UNBOUND,
        _columns.provider == sa.bindparam("provider"),
        sa.or_(
            *(
                column == sa.bindparam(ref)
                for column in (_columns.leg_ref, _columns.call_ref)
                for ref in ("leg", "conversation")
            )
        ),
    )
)
_BIND = Prepared(
    owner_callbacks.update().where(_OF_KEY, IS_UNBOUND).values(call_id=sa.bindparam("call"))
)
_FORGET = Prepared(owner_callbacks.delete().where(_OF_KEY, _columns.state == KEPT))
_URL = Prepared(
    sa.select(_columns.url)
    .where(_columns.lane == sa.bindparam("lane"), _columns.url.is_not(None))
    .limit(1)
)
_OF_CALL = Prepared(
    sa.select(owner_callbacks)
    .where(_columns.call_id == sa.bindparam("call"), _columns.url.is_not(None))
    .order_by(_columns.id)
)
_COUNT = Prepared(
    sa.select(sa.func.count()).where(_columns.call_id == sa.bindparam("call"), IS_PASSED_ON)
)
_FORGET_CALL = Prepared(owner_callbacks.delete().where(_columns.call_id == sa.bindparam("call")))
_OLDEST = Prepared(sa.select(sa.func.min(_columns.created_at, type_=_TIME)).where(IS_PASSED_ON))
_over = _columns.state != sa.literal_column("'pending'")
_OLD = (
    sa.select(_columns.id)
    .where(_over, _columns.created_at < sa.bindparam("before", type_=_TIME))
    .order_by(_columns.created_at)
    .limit(sa.bindparam("number", type_=sa.Integer))
)
_OLD_UNBOUND = Prepared(_OLD.where(IS_UNBOUND))
_newest_first = sa.func.row_number().over(partition_by=_columns.org_id, order_by=_columns.id.desc())
_unbound = sa.select(_columns.id, _newest_first.label("place")).where(IS_UNBOUND, _over).subquery()
_EXCESS = Prepared(
    sa.select(_unbound.c.id)
    .where(_unbound.c.place > sa.bindparam("most", type_=sa.Integer))
    .order_by(_unbound.c.id)
    .limit(sa.bindparam("number", type_=sa.Integer))
)
_OLD_ONES = Prepared(_OLD)
_DELETE = Prepared(owner_callbacks.delete().where(_THIS))


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of an attempt. ``until``: when the next one is due, if ``state`` is pending."""

    id: int
    state: str
    status_code: int | None
    error: str | None
    until: datetime


def insert(conn: Connection, values: Columns) -> bool:
    """Add a row. False: the lane has one of this key, so the carrier has sent it before."""
    return insert_once(conn, owner_callbacks, values)


def bind(conn: Connection, lane: str, key: str, call_id: str) -> None:
    """The call of a row is known now. One that waited for nothing else is of no use any more."""
    asked = {"lane": lane, "key": key}
    if not _FORGET.run(conn, asked):
        _BIND.run(conn, {**asked, "call": call_id})


def unbound(conn: Connection, lane: str, number: int) -> Sequence[Row]:
    """The lane's rows without a call, oldest first."""
    return _UNBOUND.every(conn, {"lane": lane, "number": number})


def foresee_lanes(conn: Connection, provider: str, leg: str, conversation: str) -> None:
    """Ask for ``lanes_of`` along with the next question."""
    _WAITS_FOR.foresee(conn, {"provider": provider, "leg": leg, "conversation": conversation})


def lanes_of(conn: Connection, provider: str, leg: str, conversation: str) -> Collection[str]:
    """The lanes with a row that waits for the call of this leg or conversation."""
    refs = {"leg": leg, "conversation": conversation}
    return [row["lane"] for row in _WAITS_FOR.every(conn, {"provider": provider, **refs})]


def url_of(conn: Connection, lane: str) -> str | None:
    """Where the lane's other rows are passed on to."""
    found: str | None = _URL.scalar(conn, {"lane": lane})
    return found


def due(conn: Connection, receiver: str, now: datetime, number: int) -> Sequence[Row]:
    """What can be sent to this receiver now: of each lane its oldest pending row."""
    return _DUE.every(conn, {"receiver": receiver, "now": now, "number": number})


def next_at(conn: Connection, receiver: str) -> datetime | None:
    """When the next row for this receiver is due. None: there is none."""
    found: datetime | None = _NEXT.scalar(conn, {"receiver": receiver})
    return found


def record(conn: Connection, results: Collection[Tried], now: datetime) -> None:
    """Store the results of attempts.

    A row that is over stays as it is. A job whose lease was lost may end after its successor.
    """
    rows = [
        {
            "callback": each.id,
            "then": each.state,
            "code": each.status_code,
            "why": each.error,
            "until": each.until,
            "now": now,
        }
        for each in results
    ]
    _RECORD.many(conn, rows)
    # a look for what is due then passes over none of those behind it, which may be many
    _HOLD_BACK.many(conn, [row for row in rows if row["then"] == PENDING])


def of_call(conn: Connection, call_id: str) -> Sequence[Row]:
    """What was passed on about a call, or will be, in the order of arrival."""
    return _OF_CALL.every(conn, {"call": call_id})


def count_pending(conn: Connection, call_id: str) -> int:
    """The number of a call's rows that wait for the owner's server."""
    return int(_COUNT.scalar(conn, {"call": call_id}) or 0)


def forget(conn: Connection, call_id: str) -> None:
    """Delete all that a carrier has said of this call."""
    _FORGET_CALL.put(conn, {"call": call_id})


def oldest_pending(conn: Connection) -> datetime | None:
    """When the oldest row came that still waits for the owner's server."""
    found: datetime | None = _OLDEST.scalar(conn, {})
    return found


def old(conn: Connection, before: datetime, number: int, *, is_unbound: bool) -> list[int]:
    """Rows from before a time that wait for no attempt. ``is_unbound``: those without a call."""
    statement = _OLD_UNBOUND if is_unbound else _OLD_ONES
    return [row["id"] for row in statement.every(conn, {"before": before, "number": number})]


def excess(conn: Connection, most: int, number: int) -> list[int]:
    """The oldest rows that only wait for a call, of organisations with more than ``most`` of them."""
    return [row["id"] for row in _EXCESS.every(conn, {"most": most, "number": number})]


def delete(conn: Connection, ids: Collection[int]) -> None:
    _DELETE.many(conn, [{"callback": each} for each in ids])
