"""What was dialled of late for each API key, or for an organisation: calls, and their minutes.

Two leaky buckets in one row and one statement, for all processes, as in ``rate_limits.py``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Insert

from app.store.prepared import Prepared
from app.store.rate_limits import filled_until, times
from app.store.schema import EPOCH, Time, dial_limits

MICROSECOND = timedelta(microseconds=1)
_THIS = dial_limits.c.owner == sa.bindparam("owner")


class Buckets(NamedTuple):
    """When each will be empty; in the past for one that is."""

    calls: datetime = EPOCH
    minutes: datetime = EPOCH


class Cost(NamedTuple):
    """What one leg takes of each bucket."""

    calls: timedelta
    minutes: timedelta


def buckets(conn: Connection, owner: str) -> Buckets:
    """The state of an owner's buckets."""
    row = next(iter(_READ.every(conn, {"owner": owner})), None)
    return Buckets(row["calls_empty_at"], row["minutes_empty_at"]) if row else Buckets()


def take(conn: Connection, owner: str, now: datetime, cost: Cost, window: timedelta) -> bool:
    """Take ``cost``, which is ``window`` at most. False, and nothing taken, without room for it."""
    values = {
        "owner": owner,
        "calls_first": now + cost.calls,
        "minutes_first": now + cost.minutes,
        "calls_cost": cost.calls // MICROSECOND,
        "minutes_cost": cost.minutes // MICROSECOND,
        **times(now, window),
    }
    return _TAKE.run(conn, values) == 1


def give_back(conn: Connection, owner: str, minutes: timedelta) -> None:
    """Give back what a leg has taken of the minutes, and has not used."""
    _GIVE_BACK.put(conn, {"owner": owner, "unused": minutes // MICROSECOND})


def _after(name: str) -> sa.ColumnElement[int]:
    cost = sa.bindparam(f"{name}_cost", type_=sa.BigInteger)
    return filled_until(dial_limits.c[f"{name}_empty_at"]) + cost


def _take(dialect: str) -> Insert:
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
    latest = sa.bindparam("latest", type_=Time)
    return (
        maker(dial_limits)
        .values(
            owner=sa.bindparam("owner"),
            calls_empty_at=sa.bindparam("calls_first", type_=Time),
            minutes_empty_at=sa.bindparam("minutes_first", type_=Time),
        )
        .on_conflict_do_update(
            index_elements=[dial_limits.c.owner],
            set_={
                f"{name}_empty_at": sa.type_coerce(_after(name), Time)
                for name in ("calls", "minutes")
            },
            where=sa.and_(_after("calls") <= latest, _after("minutes") <= latest),
        )
        .inline()
    )


_READ = Prepared(sa.select(dial_limits).where(_THIS))
_TAKE = Prepared(_take, ("owner", "calls_empty_at", "minutes_empty_at"))
_UNUSED = sa.bindparam("unused", type_=sa.BigInteger)
_LESS = sa.type_coerce(dial_limits.c.minutes_empty_at, sa.BigInteger) - _UNUSED
_GIVE_BACK = Prepared(
    dial_limits.update().where(_THIS).values(minutes_empty_at=sa.type_coerce(_LESS, Time))
)
