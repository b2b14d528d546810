"""Server messages: pending ones, their attempts, and their final state.

Messages of one call are sent in the order of ``seq``. It follows the order of insertion while
inserts of one call do not overlap. The lock on the call's row makes sure of that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, every, insert_once
from app.store.ids import new_id
from app.store.schema import message_attempts, messages

PENDING = "pending"
DELIVERED = "delivered"
# No attempt follows; ``resend`` makes it pending again.
FAILED = "failed"

_LAST = sa.select(sa.func.max(messages.c.seq)).where(messages.c.call_id == sa.bindparam("call"))
_PENDING = (
    sa.select(messages)
    .where(messages.c.call_id == sa.bindparam("call"), messages.c.state == PENDING)
    .order_by(messages.c.seq)
)
_COUNT = (
    sa.select(sa.func.count())
    .select_from(messages)
    .where(messages.c.call_id == sa.bindparam("call"), messages.c.state == PENDING)
)
_LISTING = (
    sa.select(messages)
    .where(messages.c.org_id == sa.bindparam("org"), messages.c.call_id == sa.bindparam("call"))
    .order_by(messages.c.seq)
)
_ATTEMPTS = (
    sa.select(message_attempts)
    .where(message_attempts.c.message_id == sa.bindparam("message"))
    .order_by(message_attempts.c.id)
)
_UPDATE = messages.update().where(messages.c.id == sa.bindparam("message"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. ``status_code`` None: no response came, and ``error`` says why."""

    at: datetime
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str | None = None
    """The beginning of the response's body."""


def insert(
    conn: Connection,
    *,
    org_id: str,
    call_id: str,
    key: str,
    type: str,
    url: str,
    body: str,
    secret: bytes | None,
    policy: Columns | None,
    at: datetime,
) -> bool:
    """Queue a message, due at ``at``. False when the call has one of this key already."""
    last = conn.execute(_LAST, {"call": call_id}).scalar() or 0
    values = {
        "id": new_id(),
        "seq": max(time.time_ns(), last + 1),
        "org_id": org_id,
        "call_id": call_id,
        "key": key,
        "type": type,
        "url": url,
        "body": body,
        "secret": secret,
        "policy": None if policy is None else dict(policy),
        "state": PENDING,
        "attempts": 0,
        "refused": False,
        "next_at": at,
        "created_at": at,
        "updated_at": at,
    }
    return insert_once(conn, messages, values)


def pending(conn: Connection, call_id: str) -> Sequence[Row]:
    """The call's pending messages, oldest first."""
    return every(conn.execute(_PENDING, {"call": call_id}))


def count_pending(conn: Connection, call_id: str) -> int:
    """The number of pending messages."""
    return int(conn.execute(_COUNT, {"call": call_id}).scalar() or 0)


def delete(conn: Connection, message_id: str) -> None:
    """Delete a message with its attempts."""
    conn.execute(messages.delete().where(messages.c.id == message_id))


def record_attempt(conn: Connection, message_id: str, attempt: Attempt) -> bool:
    """Store an attempt and count it. False when the message was deleted with its call."""
    counted = _UPDATE.values(attempts=messages.c.attempts + 1, updated_at=attempt.at)
    if conn.execute(counted, {"message": message_id}).rowcount == 0:
        return False
    conn.execute(
        message_attempts.insert(),
        {
            "message_id": message_id,
            "at": attempt.at,
            "duration_ms": attempt.duration_ms,
            "status_code": attempt.status_code,
            "error": attempt.error,
            "response": attempt.response,
        },
    )
    return True


def postpone(conn: Connection, message_id: str, until: datetime, *, refused: bool = False) -> None:
    """Set the time of the next attempt.

    ``refused``: the receiver is up and refuses this message.
    """
    conn.execute(_UPDATE.values(next_at=until, refused=refused), {"message": message_id})


def finish(conn: Connection, message_id: str, state: str, *, at: datetime) -> None:
    """Make no more attempts. ``state`` is ``DELIVERED`` or ``FAILED``."""
    conn.execute(_UPDATE.values(state=state, updated_at=at), {"message": message_id})


def resend(conn: Connection, message_id: str, *, at: datetime) -> None:
    """Make it pending again, with all its attempts before it. The caller enqueues the delivery."""
    values = {"state": PENDING, "attempts": 0, "next_at": at, "updated_at": at, "refused": False}
    conn.execute(_UPDATE.values(**values), {"message": message_id})


def list_for_call(conn: Connection, org_id: str, call_id: str) -> Sequence[Row]:
    """A call's messages in the order they are sent."""
    return every(conn.execute(_LISTING, {"org": org_id, "call": call_id}))


def attempts(conn: Connection, message_id: str) -> Sequence[Row]:
    """Every attempt, oldest first, those before a ``resend`` included."""
    return every(conn.execute(_ATTEMPTS, {"message": message_id}))
