"""The heartbeat rows of the processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, every, insert_once
from app.store.schema import processes

_UPDATE = processes.update().where(processes.c.id == sa.bindparam("process"))
_FORGET = processes.delete().where(processes.c.seen_at < sa.bindparam("before"))
_REMOVE = processes.delete().where(processes.c.id == sa.bindparam("process"))
_SEEN = sa.select(processes).where(processes.c.seen_at >= sa.bindparam("since"))


def put(conn: Connection, row: Columns) -> None:
    """Insert or update this process's row."""
    if not insert_once(conn, processes, row):
        values = {name: value for name, value in row.items() if name != "id"}
        conn.execute(_UPDATE.values(values), {"process": row["id"]})


def forget(conn: Connection, before: datetime) -> None:
    """Delete rows without a heartbeat since ``before``: their processes were killed."""
    conn.execute(_FORGET, {"before": before})


def remove(conn: Connection, process: str) -> None:
    conn.execute(_REMOVE, {"process": process})


def seen(conn: Connection, since: datetime) -> Sequence[Row]:
    """Every process with a heartbeat since ``since``."""
    return every(conn.execute(_SEEN, {"since": since}))
