"""Idempotency keys: the call that a key created, and the response."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, insert_once
from app.store.prepared import Prepared
from app.store.schema import Time, idempotency_keys

_FIND = Prepared(
    sa.select(idempotency_keys).where(
        idempotency_keys.c.org_id == sa.bindparam("org"),
        idempotency_keys.c.digest == sa.bindparam("key"),
    )
)
FORGOTTEN_AT_ONCE = 500
"""A transaction deletes so many: after a day without the job there may be millions."""
_KEY = idempotency_keys.c.org_id, idempotency_keys.c.digest
_OLD = (
    sa.select(*_KEY)
    .where(idempotency_keys.c.created_at < sa.bindparam("before", type_=Time))
    .order_by(idempotency_keys.c.created_at)
    .limit(sa.bindparam("most"))
)
_FORGET = idempotency_keys.delete().where(sa.tuple_(*_KEY).in_(_OLD))
_OLDEST = sa.select(sa.func.min(idempotency_keys.c.created_at))


def find(conn: Connection, org_id: str, digest: str) -> Row | None:
    return _FIND.one(conn, {"org": org_id, "key": digest})


def keep(conn: Connection, values: Columns) -> bool:
    """Save a key. False when it exists. Waits for another transaction that saves the same key."""
    return insert_once(conn, idempotency_keys, values)


def forget(conn: Connection, before: datetime) -> datetime | None:
    """Delete the oldest of the older keys. Returns the time of the oldest remaining one."""
    conn.execute(_FORGET, {"before": before, "most": FORGOTTEN_AT_ONCE})
    return conn.execute(_OLDEST).scalar()
