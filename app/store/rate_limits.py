"""The rate limit of each API key: one row and one statement, for all processes.

It is a leaky bucket, stored as the time at which it will be empty.
https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Insert

from app.store.prepared import Prepared
from app.store.schema import EPOCH, Time, rate_limits

CLOCKS = timedelta(minutes=1)
"""Processes whose clocks differ by less share one bucket."""
_EMPTY_AT = Prepared(
    sa.select(rate_limits.c.empty_at).where(rate_limits.c.key_id == sa.bindparam("key"))
)


def empty_at(conn: Connection, key_id: str) -> datetime:
    """When the bucket will be empty; in the past for an unused key."""
    return _EMPTY_AT.scalar(conn, {"key": key_id}) or EPOCH


def take(conn: Connection, key_id: str, now: datetime, cost: timedelta, window: timedelta) -> bool:
    """Use ``cost`` of the ``window``. False, and nothing used, when less than that is left."""
    values = {
        "key": key_id,
        "first": now + cost,
        "cost": cost // timedelta(microseconds=1),
        **times(now, window),
    }
    return _TAKE.run(conn, values) == 1


def times(now: datetime, window: timedelta) -> dict[str, datetime]:
    """The parameters of ``filled_until``, and the ``latest`` time at which a bucket may be empty."""
    latest = now + window
    return {"now": now, "latest": latest, "impossible": latest + CLOCKS}


def filled_until(column: sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    """When a bucket will be empty; now, for one that is.

    One that is fuller than ``take`` leaves it was filled before the clock was set back. It counts
    as empty, or its owner would be refused until the clock has caught up.
    """
    now, impossible = sa.bindparam("now", type_=Time), sa.bindparam("impossible", type_=Time)
    filled = sa.case((sa.and_(column > now, column < impossible), column), else_=now)
    return sa.type_coerce(filled, sa.BigInteger)


def _take(dialect: str) -> Insert:
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
    cost = sa.bindparam("cost", type_=sa.BigInteger)
    after = filled_until(rate_limits.c.empty_at) + cost
    return (
        maker(rate_limits)
        .values(key_id=sa.bindparam("key"), empty_at=sa.bindparam("first", type_=Time))
        .on_conflict_do_update(
            index_elements=[rate_limits.c.key_id],
            set_={"empty_at": sa.type_coerce(after, Time)},
            where=after <= sa.bindparam("latest", type_=Time),
        )
        .inline()
    )


_TAKE = Prepared(_take, ("key_id", "empty_at"))
