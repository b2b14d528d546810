"""Server messages: pending ones, their attempts, and their final state.

Messages of one call are sent in the order of ``seq``. It follows the order of insertion while
inserts of one call do not overlap. The lock on the call's row makes sure of that. ``outbox.py``
has the statements of their delivery.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ClauseElement

from app.store.engine import Columns, Row
from app.store.ids import new_id
from app.store.prepared import Prepared
from app.store.schema import IS_PENDING, message_attempts, messages

PENDING = "pending"
DELIVERED = "delivered"
# No attempt follows; a resend makes it pending again.
FAILED = "failed"

_OF_CALL = messages.c.call_id == sa.bindparam("call")
_PENDING = Prepared(sa.select(messages).where(_OF_CALL, IS_PENDING).order_by(messages.c.seq))
_COUNT = Prepared(sa.select(sa.func.count()).select_from(messages).where(_OF_CALL, IS_PENDING))
_LISTING = Prepared(
    sa.select(messages)
    .where(messages.c.org_id == sa.bindparam("org"), _OF_CALL)
    .order_by(messages.c.seq)
)
_ATTEMPTS = Prepared(
    sa.select(message_attempts)
    .where(message_attempts.c.message_id == sa.bindparam("message"))
    .order_by(message_attempts.c.id)
)
_THIS = messages.c.id == sa.bindparam("message")
_TIME = messages.c.next_at.type
RESEND = Prepared(
    messages.update()
    .where(_THIS)
    .values(
        state=PENDING,
        attempts=0,
        refused=False,
        next_at=sa.bindparam("now", type_=_TIME),
        updated_at=sa.bindparam("now", type_=_TIME),
    )
)
"""Makes a message pending, with all its attempts before it."""
_DELETE = Prepared(messages.delete().where(_THIS))
RELEASE = Prepared(
    messages.update()
    .where(
        _OF_CALL,
        IS_PENDING,
        messages.c.attempts == 0,
        messages.c.next_at > sa.bindparam("now", type_=_TIME),
    )
    .values(next_at=sa.bindparam("now", type_=_TIME))
)
"""Makes a call's messages due that were held behind an older one."""


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
    facts: Columns,
    policy: Columns | None,
    at: datetime,
) -> None:
    """Queue a message, due at ``at``, unless the call has one of this key already."""
    values = {
        "id": new_id(),
        "org_id": org_id,
        "call_id": call_id,
        "key": key,
        "type": type,
        "url": url,
        "receiver": receiver_of(url),
        "facts": facts,
        "body": "",
        "policy": policy and dict(policy),
        "state": PENDING,
        "attempts": 0,
        "refused": False,
        "next_at": at,
        "created_at": at,
        "updated_at": at,
    }
    _INSERT.put(conn, {**values, "call": call_id, "earliest": time.time_ns()})


def _insert(dialect: str) -> ClauseElement:
    """The statement. ``seq`` is the time, or one more than a pending message has, if that is later.

    So the order holds when the clock goes back.
    """
    earliest = sa.bindparam("earliest", type_=sa.BigInteger)
    later = sa.select(sa.func.max(messages.c.seq) + 1).where(
        _OF_CALL, IS_PENDING, messages.c.seq >= earliest
    )
    seq = sa.func.coalesce(later.scalar_subquery(), earliest)
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return maker(messages).values(seq=seq).on_conflict_do_nothing().inline()


WORDLESS = ("status-update", "end-of-call-report")
"""Types whose facts are the call's state alone. Their text is made of the call (``message_text.py``)."""
FORWARDING = "status-update:forwarding"
"""How the key of a status begins that has a destination, which may hold words."""

_INSERT = Prepared(
    _insert,
    [each.name for each in messages.c if each.name not in {"seq", "secret", "leased_until"}],
)


def receiver_of(url: str) -> str:
    """Host and port of a server URL, which share the workers (``app/delivery/fair_share.py``)."""
    return urlsplit(url).netloc.lower()[:300]


def forget_words(conn: Connection, call_id: str) -> None:
    """Delete the call's messages, apart from those that hold none of its words.

    These lose their texts and their attempts.
    """
    of_call = messages.c.call_id == call_id
    has_words = sa.or_(messages.c.type.not_in(WORDLESS), messages.c.key.startswith(FORWARDING))
    conn.execute(messages.delete().where(of_call, has_words))
    mine = sa.select(messages.c.id).where(of_call)
    conn.execute(message_attempts.delete().where(message_attempts.c.message_id.in_(mine)))
    conn.execute(messages.update().where(of_call).values(body=""))


def pending(conn: Connection, call_id: str) -> Sequence[Row]:
    """The call's pending messages, oldest first."""
    return _PENDING.every(conn, {"call": call_id})


def count_pending(conn: Connection, call_id: str) -> int:
    """The number of pending messages."""
    return int(_COUNT.scalar(conn, {"call": call_id}) or 0)


def delete(conn: Connection, message_id: str) -> None:
    """Delete a message with its attempts."""
    _DELETE.put(conn, {"message": message_id})


def list_for_call(conn: Connection, org_id: str, call_id: str) -> Sequence[Row]:
    """A call's messages in the order they are sent."""
    return _LISTING.every(conn, {"org": org_id, "call": call_id})


def attempts(conn: Connection, message_id: str) -> Sequence[Row]:
    """Every attempt, oldest first, those before a ``resend`` included."""
    return _ATTEMPTS.every(conn, {"message": message_id})
