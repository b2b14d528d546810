"""Recordings of calls: their state, and the key of their file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, every, insert_once, one
from app.store.schema import recordings

# ``state``: started at the carrier; ready to fetch; stored here; failed for good; deleted by
# retention.
STARTED, READY, STORED, FAILED, DELETED = "started", "ready", "stored", "failed", "deleted"

_OF_CALL = (
    sa.select(recordings)
    .where(recordings.c.call_id == sa.bindparam("call"))
    .order_by(recordings.c.created_at, recordings.c.kind.desc(), recordings.c.id)
)


def insert(conn: Connection, values: Columns) -> bool:
    """Insert a recording. False when the call has one of this kind, source and ref already."""
    return insert_once(conn, recordings, values)


def get(conn: Connection, recording_id: str) -> Row | None:
    query = sa.select(recordings).where(recordings.c.id == recording_id)
    return one(conn.execute(query))


def of_call(conn: Connection, call_id: str) -> Sequence[Row]:
    """A call's recordings in the order they began. A mono mix follows its stereo recording."""
    return every(conn.execute(_OF_CALL, {"call": call_id}))


def update(conn: Connection, recording_id: str, values: Columns) -> None:
    conn.execute(recordings.update().where(recordings.c.id == recording_id).values(**values))


def delete(conn: Connection, recording_id: str) -> None:
    conn.execute(recordings.delete().where(recordings.c.id == recording_id))


def stored_before(conn: Connection, at: datetime, limit: int) -> Sequence[Row]:
    """The oldest stored files from before a time."""
    query = (
        sa.select(recordings)
        .where(recordings.c.state == STORED, recordings.c.created_at < at)
        .order_by(recordings.c.created_at)
        .limit(limit)
    )
    return every(conn.execute(query))
