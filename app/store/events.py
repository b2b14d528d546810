"""A call's event log: append-only, unique by (call, key)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Row, insert_once, insert_unless_there
from app.store.prepared import Prepared
from app.store.schema import call_events
from providers.events import CallEvent, EndedReason, EventKind

_columns = call_events.c
_FOR_FOLD = Prepared(
    sa.select(
        _columns.kind,
        _columns.at,
        _columns.key,
        _columns.source,
        _columns.sequence,
        _columns.reason,
        _columns.unanswered_reason,
        _columns.generic,
        _columns.stream,
        _columns.data,
    )
    .where(_columns.call_id == sa.bindparam("call"))
    .order_by(_columns.id)
)
_LOG = Prepared(
    sa.select(call_events).where(_columns.call_id == sa.bindparam("call")).order_by(_columns.id)
)

_LAST = Prepared(
    sa.select(sa.func.max(_columns.received_at)).where(_columns.call_id == sa.bindparam("call"))
)
_INSERT = Prepared(
    call_events.insert().inline(), [column.name for column in _columns if column.name != "id"]
)
_this = sa.and_(_columns.call_id == sa.bindparam("call"), _columns.key == sa.bindparam("key"))
_HAS, _RECEIVED_AT = (
    Prepared(sa.select(column).where(_this)) for column in (_columns.id, _columns.received_at)
)


class TokenUsed(Exception):
    """The token of a carrier's request is that of another event: the request is a replay."""


def append(conn: Connection, call_id: str, event: CallEvent, received_at: datetime) -> bool:
    """Append an event. False when it is in the log already."""
    return insert_once(conn, call_events, _values(call_id, event, received_at))


def add(conn: Connection, call_id: str, event: CallEvent, received_at: datetime) -> None:
    """Append an event that is not in the log, as far as a transaction with the call's lock knows.

    Raises ``TokenUsed``.
    """
    if event.token is None:
        insert_unless_there(conn, call_events, _values(call_id, event, received_at))
    elif not append(conn, call_id, event, received_at):
        raise TokenUsed


def begin(conn: Connection, call_id: str, first: Sequence[CallEvent], at: datetime) -> None:
    """Insert the first events of a new call. Raises ``TokenUsed``."""
    for event in first:
        if event.token is None:
            _INSERT.put(conn, _values(call_id, event, at))
        elif not append(conn, call_id, event, at):
            raise TokenUsed


def has(conn: Connection, call_id: str, key: str) -> bool:
    """Whether this event is in the call's log."""
    return _HAS.scalar(conn, {"call": call_id, "key": key}) is not None


def received_at(conn: Connection, call_id: str, key: str) -> datetime | None:
    """When this event was received for the first time."""
    found: datetime | None = _RECEIVED_AT.scalar(conn, {"call": call_id, "key": key})
    return found


def of_call(conn: Connection, call_id: str) -> list[CallEvent]:
    """The events as the fold needs them, without the carriers' raw words."""
    return [_event(row) for row in _FOR_FOLD.every(conn, {"call": call_id})]


def foresee(conn: Connection, call_id: str) -> None:
    """Read the call's events along with the next question, which locks the call."""
    _FOR_FOLD.foresee(conn, {"call": call_id})


def last_received(conn: Connection, call_id: str) -> datetime | None:
    """When the last event of the call was received."""
    found: datetime | None = _LAST.scalar(conn, {"call": call_id})
    return found


def log(conn: Connection, call_id: str) -> Sequence[Row]:
    """All events, in the order of arrival."""
    return _LOG.every(conn, {"call": call_id})


def _values(call_id: str, event: CallEvent, received_at: datetime) -> Row:
    return {
        "call_id": call_id,
        "key": event.key,
        "kind": event.kind,
        "source": event.source,
        "at": event.at,
        "received_at": received_at,
        "sequence": event.sequence,
        "reason": event.reason,
        "unanswered_reason": event.unanswered_reason,
        "generic": event.generic,
        "stream": event.stream,
        "data": dict(event.data),
        "raw": dict(event.raw),
        "token": event.token,
    }


def _event(row: Row) -> CallEvent:
    reason, unanswered = row["reason"], row["unanswered_reason"]
    return CallEvent(
        kind=EventKind(row["kind"]),
        at=row["at"],
        key=row["key"],
        source=row["source"],
        sequence=row["sequence"],
        reason=EndedReason(reason) if reason else None,
        unanswered_reason=EndedReason(unanswered) if unanswered else None,
        generic=row["generic"],
        stream=row["stream"],
        data=row["data"],
    )
