"""Finds the calls that retention deletes or trims, and clears parts of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Insert

from app.store.prepared import Prepared
from app.store.schema import (
    EPOCH,
    Time,
    call_events,
    calls,
    message_attempts,
    messages,
    orgs,
    retention_cursors,
)
from providers.common.json_types import JsonDict

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
_CURSOR = Prepared(
    sa.select(retention_cursors).where(
        retention_cursors.c.part == sa.bindparam("the_part"),
        retention_cursors.c.org_id == sa.bindparam("org"),
    )
)
_beyond = sa.and_(
    calls.c.org_id == sa.bindparam("org"),
    calls.c.created_at < _BEFORE,
    sa.tuple_(calls.c.created_at, calls.c.id)
    > sa.tuple_(sa.bindparam("at", type_=Time), sa.bindparam("last")),
)
_BEYOND = Prepared(
    sa.select(calls.c.id, calls.c.created_at, calls.c.settled_at)
    .where(_beyond)
    .order_by(calls.c.created_at, calls.c.id)
    .limit(sa.bindparam("most"))
)
_COUNT_BEYOND = Prepared(sa.select(sa.func.count()).select_from(calls).where(_beyond))

_of_call = messages.c.call_id == sa.bindparam("call")
_over = messages.c.state != sa.literal_column("'pending'")
_CLEAR_EVENTS = Prepared(
    call_events.update()
    .where(
        call_events.c.call_id == sa.bindparam("call"),
        sa.cast(call_events.c.raw, sa.Text) != sa.literal_column("'{}'"),
    )
    .values(raw=sa.literal_column("'{}'"))
)
_CLEAR_TEXTS = Prepared(
    messages.update()
    .where(_of_call, _over, messages.c.facts.is_not(sa.null()), messages.c.body != "")
    .values(body="")
)
_DELETE_ATTEMPTS = Prepared(
    message_attempts.delete().where(
        message_attempts.c.message_id.in_(sa.select(messages.c.id).where(_of_call, _over))
    )
)


class OldCall(NamedTuple):
    """A call whose part may be cleared, if it is settled."""

    org_id: str
    id: str
    created_at: datetime
    settled_at: datetime | None


def settled_before(conn: Connection, at: datetime, limit: int) -> Sequence[str]:
    """The oldest calls that were settled before a time, of one organisation after the other."""
    found = list[str]()
    for org in conn.execute(_ORGS).scalars().all():
        asked = {"org": org, "before": at, "most": limit - len(found)}
        found += [row["id"] for row in _SETTLED.every(conn, asked)]
        if len(found) == limit:
            break
    return found


def untrimmed(conn: Connection, part: str, before: datetime, limit: int) -> Sequence[OldCall]:
    """The next calls of one organisation, created before a time, whose part was not cleared yet."""
    for asked in _asked(conn, part, before):
        found = _BEYOND.every(conn, {**asked, "most": limit})
        if found:
            return [OldCall(org_id=asked["org"], **row) for row in found]
    return []


def count_untrimmed(conn: Connection, part: str, before: datetime) -> int:
    """The number of all of them."""
    every = _asked(conn, part, before)
    return sum(int(_COUNT_BEYOND.scalar(conn, asked) or 0) for asked in every)


def set_cursor(conn: Connection, part: str, last: OldCall) -> None:
    """Keep the last call whose part was cleared."""
    values = {
        "part": part,
        "org_id": last.org_id,
        "created_at": last.created_at,
        "last_id": last.id,
    }
    _SET_CURSOR.put(conn, values)


def clear_event_bodies(conn: Connection, call_id: str) -> None:
    """Clear the carriers' own words. What the fold needs of the events stays."""
    _CLEAR_EVENTS.put(conn, {"call": call_id})


def clear_messages(conn: Connection, call_id: str) -> None:
    """Clear the texts and delete the attempts of messages that are delivered or have failed.

    A text that is asked for later is made again from the message's facts.
    """
    _CLEAR_TEXTS.put(conn, {"call": call_id})
    _DELETE_ATTEMPTS.put(conn, {"call": call_id})


def _asked(conn: Connection, part: str, before: datetime) -> Iterator[JsonDict]:
    """What to ask for of each organisation."""
    for org in conn.execute(_ORGS).scalars().all():
        row = next(iter(_CURSOR.every(conn, {"the_part": part, "org": org})), None)
        at, last = (row["created_at"], row["last_id"]) if row else (EPOCH, "")
        yield {"org": org, "before": before, "at": at, "last": last}


def _set_cursor(dialect: str) -> Insert:
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
    put = maker(retention_cursors)
    return put.on_conflict_do_update(
        index_elements=[retention_cursors.c.part, retention_cursors.c.org_id],
        set_={name: put.excluded[name] for name in ("created_at", "last_id")},
    ).inline()


_SET_CURSOR = Prepared(_set_cursor, [column.name for column in retention_cursors.c])
