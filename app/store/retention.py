"""Finds the calls that retention deletes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.prepared import Prepared
from app.store.schema import Time, calls, orgs

_ORGS = sa.select(orgs.c.id)
_BEFORE = sa.bindparam("before", type_=Time)
# The creation is before the settling: an index has it, so that only the oldest calls are read.
_SETTLED = Prepared(
    sa.select(calls.c.id)
    .where(
        calls.c.org_id == sa.bindparam("org"),
        calls.c.created_at < _BEFORE,
        calls.c.settled_at < _BEFORE,
    )
    .order_by(calls.c.created_at, calls.c.id)
    .limit(sa.bindparam("most"))
)


def settled_before(conn: Connection, at: datetime, limit: int) -> Sequence[str]:
    """The oldest calls that were settled before a time, of one organisation after the other."""
    found = list[str]()
    for org in conn.execute(_ORGS).scalars().all():
        asked = {"org": org, "before": at, "most": limit - len(found)}
        found += [row["id"] for row in _SETTLED.every(conn, asked)]
        if len(found) == limit:
            break
    return found
