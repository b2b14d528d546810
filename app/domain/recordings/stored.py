"""A recording as its table has it, typed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy.engine import Connection

from app.store import recordings
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, or what is to become one; the fields are the table's columns."""

    id: str
    call_id: str
    org_id: str
    kind: str
    source: str
    ref: str
    """The source's own name; "" while it is not known."""
    url: str | None
    state: str
    attempts: int
    mime: str | None
    bytes: int | None
    blob: str | None
    """The file's key."""
    created_at: datetime


COLUMNS = tuple(each.name for each in fields(Recording))


def load(row: JsonObject) -> Recording:
    return Recording(**{name: row[name] for name in COLUMNS})


def get(conn: Connection, recording_id: str) -> Recording | None:
    row = recordings.get(conn, recording_id)
    return None if row is None else load(row)


def of_call(conn: Connection, call_id: str) -> list[Recording]:
    """In the order they began; a mix follows the stereo recording it is made of."""
    return [load(row) for row in recordings.of_call(conn, call_id)]


def older_than(conn: Connection, at: datetime, limit: int) -> list[Recording]:
    """The oldest files kept from before a time."""
    return [load(row) for row in recordings.stored_before(conn, at, limit)]
