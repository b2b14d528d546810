"""The statements of the dispatcher: which messages are due, and the results of their attempts.

A message is sendable when it is due and no older one of its call holds it back. Each older one must
be refused and wait for its own time. Otherwise the order would not hold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ClauseElement

from app.store.engine import Row
from app.store.lists import any_of, by_size, values_of
from app.store.messages import RELEASE, Attempt
from app.store.prepared import Prepared
from app.store.schema import IS_PENDING, message_attempts, messages

_TIME = messages.c.next_at.type
_NOW = sa.bindparam("now", type_=_TIME)
_UNTIL = sa.bindparam("until", type_=_TIME)
_THIS = messages.c.id == sa.bindparam("message")

_other = messages.alias("other")
_of_its_call = sa.and_(
    _other.c.call_id == messages.c.call_id, _other.c.state == sa.literal_column("'pending'")
)
_older = sa.and_(_of_its_call, _other.c.seq < messages.c.seq)
_held_back = sa.exists().where(_older, sa.or_(sa.not_(_other.c.refused), _other.c.next_at <= _NOW))
_leased = sa.exists().where(_of_its_call, _other.c.leased_until > _NOW)
# PostgreSQL looks again at the row it locks, if that was changed since the statement began. It sees
# all others as they were then, and this one too under the name of another.
_unleased = sa.or_(messages.c.leased_until.is_(None), messages.c.leased_until <= _NOW)


def _sendable(size: int) -> sa.Select[Any]:
    return (
        sa.select(messages)
        .where(
            IS_PENDING,
            messages.c.next_at <= _NOW,
            sa.not_(any_of(messages.c.receiver, "full", size)),
            sa.not_(_held_back),
            sa.not_(_leased),
        )
        .order_by(messages.c.next_at, messages.c.receiver)  # the order of the index: it ends early
        .limit(sa.bindparam("number", type_=sa.Integer))
    )


def _lease(size: int) -> ClauseElement:
    free = (
        sa.select(messages.c.id)
        .where(
            any_of(messages.c.id, "chosen", size),
            IS_PENDING,
            messages.c.next_at <= _NOW,
            _unleased,
            sa.not_(_leased),
        )
        .with_for_update(of=messages, skip_locked=True)
        .cte("free")
    )
    return (
        messages.update()
        .where(messages.c.id.in_(sa.select(free.c.id)))
        .values(leased_until=_UNTIL)
        .returning(messages.c.id)
    )


_SENDABLE, _LEASE = by_size(_sendable), by_size(_lease)
_RENEW = Prepared(messages.update().where(_THIS).values(leased_until=_UNTIL))
_GIVE_BACK = Prepared(
    messages.update().where(_THIS, messages.c.leased_until == _UNTIL).values(leased_until=sa.null())
)
_waits = sa.exists().where(_older, sa.not_(_other.c.refused), _other.c.next_at > _NOW)
_HELD = Prepared(
    sa.select(messages.c.id)
    .where(IS_PENDING, messages.c.next_at <= _NOW, _waits)
    .limit(sa.bindparam("number", type_=sa.Integer))
)
_waits_still = (  # locked: its end comes after this, and releases what is held here
    sa.select(_other.c.id)
    .where(_older, sa.not_(_other.c.refused), _other.c.next_at > _NOW)
    .with_for_update(of=_other, skip_locked=True)
    .exists()
)
_HOLD = Prepared(messages.update().where(_THIS, IS_PENDING, _waits_still).values(next_at=_UNTIL))
_POSTPONE = Prepared(messages.update().where(_THIS).values(next_at=_UNTIL, leased_until=sa.null()))
_DELETE = Prepared(messages.delete().where(_THIS))
_TRIED = ("at", "duration_ms", "status_code", "error", "response")
_ITS = {name: sa.bindparam(f"its_{name}", type_=message_attempts.c[name].type) for name in _TRIED}
_IS_NEW = sa.not_(
    sa.exists().where(
        message_attempts.c.message_id == messages.c.id, message_attempts.c.at == _ITS["at"]
    )
)


def _recording(*conditions: sa.ColumnElement[bool]) -> tuple[Prepared, Prepared]:
    """What changes the message, and what adds the attempt.

    They do nothing when the message was deleted with its call meanwhile. A message that is over
    stays so: a process without its lease may end after its successor. But one that was delivered is.
    """
    then = sa.bindparam("then", type_=messages.c.state.type)
    is_open = sa.or_(IS_PENDING, then == sa.literal_column("'delivered'"))
    change = {
        "attempts": messages.c.attempts + 1,
        "body": sa.bindparam("text", type_=messages.c.body.type),
        "state": then,
        "refused": sa.bindparam("was_refused", type_=messages.c.refused.type),
        "next_at": _UNTIL,
        "updated_at": _NOW,
        "leased_until": sa.null(),
    }
    attempt = sa.select(messages.c.id, *_ITS.values()).where(_THIS, *conditions)
    return (
        Prepared(messages.update().where(_THIS, is_open, *conditions).values(change)),
        Prepared(message_attempts.insert().from_select(["message_id", *_TRIED], attempt)),
    )


_ONCE, _AGAIN = _recording(), _recording(_IS_NEW)
_LOCK = Prepared(sa.select(messages.c.id).where(_THIS).with_for_update())


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of an attempt at ``message``. ``until``: when the next one is due."""

    message: Row
    text: str
    """The body as it was sent."""
    attempt: Attempt
    state: str
    until: datetime
    refused: bool = False

    @property
    def frees_later_ones(self) -> bool:
        """Whether messages that were held behind this one are due now."""
        holds_back = self.state == "pending" and not self.refused
        return not holds_back and _may_have_held(self.message)


@dataclass(frozen=True, slots=True)
class Dropped:
    """An ephemeral message after its only attempt."""

    message: Row

    @property
    def frees_later_ones(self) -> bool:
        """Whether messages that were held behind this one are due now."""
        return _may_have_held(self.message)


@dataclass(frozen=True, slots=True)
class Untried:
    """A message that could not be sent because of a fault of ours, and comes again."""

    message: Row
    until: datetime


Result = Tried | Dropped | Untried


def sendable(
    conn: Connection,
    now: datetime,
    number: int,
    *,
    busy_calls: Collection[str] = (),
    full_receivers: Collection[str] = (),
) -> Sequence[Row]:
    """The messages that can be sent now, the longest due first, at most one of each call."""
    most = number + len(busy_calls)
    wanted = {"now": now, "number": most, **values_of("full", full_receivers)}
    found = _SENDABLE(full_receivers).every(conn, wanted)
    return [row for row in found if row["call_id"] not in busy_calls][:number]


def lease(
    conn: Connection, message_ids: Collection[str], now: datetime, until: datetime
) -> Collection[str]:
    """Take these messages for this process alone ``until`` that time. Returns those it got.

    SQLite needs no lease: one process delivers.
    """
    asked = {"now": now, "until": until, **values_of("chosen", message_ids)}
    return {row["id"] for row in _LEASE(message_ids).every(conn, asked)}


def renew(conn: Connection, message_ids: Collection[str], until: datetime) -> None:
    """Extend the leases of these messages."""
    _RENEW.many(conn, [{"message": each, "until": until} for each in message_ids])


def give_back(conn: Connection, message_ids: Collection[str], until: datetime) -> None:
    """End these messages' leases, as far as they are those ``until`` that time."""
    _GIVE_BACK.many(conn, [{"message": each, "until": until} for each in message_ids])


def held(conn: Connection, now: datetime, number: int) -> Sequence[str]:
    """The ids of due messages that wait for an older one, whose time has not come."""
    return [row["id"] for row in _HELD.every(conn, {"now": now, "number": number})]


def hold(conn: Connection, message_ids: Collection[str], now: datetime, until: datetime) -> None:
    """Let these messages come up again at that time, so that no look passes them before.

    One whose older one is over by now stays due: that one's end has released it already.
    """
    _HOLD.many(conn, [{"message": each, "now": now, "until": until} for each in message_ids])


def record(
    conn: Connection, results: Collection[Result], now: datetime, *, again: bool = False
) -> None:
    """Store the results of several attempts: each with the message's next state.

    ``again``: they may be stored already, by a commit whose answer was lost. An attempt counts once.
    """
    tried = [each for each in results if isinstance(each, Tried)]
    if again:
        _wait_for_others(conn, tried)
    change, add = _AGAIN if again else _ONCE
    change.many(conn, [_next_state(each, now) for each in tried])
    add.many(conn, [_attempt(each) for each in tried])
    dropped = [each for each in results if isinstance(each, Dropped)]
    over: list[Tried | Dropped] = [*tried, *dropped]
    freed = {each.message["call_id"] for each in over if each.frees_later_ones}
    RELEASE.many(conn, [{"call": call, "now": now} for call in sorted(freed)])
    _DELETE.many(conn, [{"message": each.message["id"]} for each in dropped])
    untried = [each for each in results if isinstance(each, Untried)]
    postponed = [{"message": each.message["id"], "until": each.until} for each in untried]
    _POSTPONE.many(conn, postponed)


def _wait_for_others(conn: Connection, tried: Collection[Tried]) -> None:
    """Wait until the commit of before is over, if the server still makes it.

    A statement that waits itself still judges ``_IS_NEW`` by the attempts of before its wait.
    """
    for message_id in sorted({each.message["id"] for each in tried}):
        _LOCK.put(conn, {"message": message_id})


def _may_have_held(message: Row) -> bool:
    """Whether its time was put off, by an attempt or by a fault of ours. Only then others waited."""
    return bool(message["next_at"] > message["created_at"])


def _next_state(tried: Tried, now: datetime) -> dict[str, Any]:
    return {
        "message": tried.message["id"],
        "its_at": tried.attempt.at,
        "text": tried.text,
        "then": tried.state,
        "was_refused": tried.refused,
        "until": tried.until,
        "now": now,
    }


def _attempt(tried: Tried) -> dict[str, Any]:
    its = {f"its_{name}": getattr(tried.attempt, name) for name in _TRIED}
    return {"message": tried.message["id"], **its}
