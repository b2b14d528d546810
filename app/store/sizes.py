"""What each table takes: its rows, its bytes with its indexes, its oldest row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from app.store.schema import metadata

TIMES = ("created_at", "received_at", "at", "due", "seen_at", "empty_at", "calls_empty_at")
"""Columns that say how old a row is. A table has the first of them that it knows."""
FOREIGN = ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers")
"""Procrastinate's tables, on PostgreSQL."""

_SQLITE = sa.text(
    "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat('main', 1) AS d "
    "JOIN sqlite_master AS s ON s.name = d.name GROUP BY s.tbl_name"
)
_SQLITE_FILE = sa.text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
_POSTGRESQL = sa.text(
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
    "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)
_POSTGRESQL_WHOLE = sa.text("SELECT pg_database_size(current_database())")


@dataclass(frozen=True, slots=True)
class Size:
    """One table. ``size`` None: this SQLite library cannot tell it."""

    table: str
    rows: int
    size: int | None
    oldest: datetime | None


def whole(conn: Connection) -> int:
    """The bytes of the database. A file of SQLite includes the place of deleted rows."""
    query = _SQLITE_FILE if conn.dialect.name == "sqlite" else _POSTGRESQL_WHOLE
    return int(conn.execute(query).scalar_one())


def tables(conn: Connection) -> Iterator[Size]:
    """Every table, the largest first. It reads all of the database."""
    known = _bytes(conn)
    names = [table.name for table in metadata.sorted_tables]
    names += [name for name in FOREIGN if name in known]
    for name in sorted(names, key=lambda each: (-known.get(each, 0), each)):
        yield Size(name, _rows(conn, name), known.get(name), _oldest(conn, name))


def _bytes(conn: Connection) -> Mapping[str, int]:
    if conn.dialect.name != "sqlite":
        return {name: int(size) for name, size in conn.execute(_POSTGRESQL)}
    try:
        return {name: int(size) for name, size in conn.execute(_SQLITE)}
    except OperationalError:  # the library was built without the table ``dbstat``
        return {}


def _rows(conn: Connection, name: str) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one())


def _oldest(conn: Connection, name: str) -> datetime | None:
    table = metadata.tables.get(name)
    column = next((each for each in TIMES if table is not None and each in table.c), None)
    if table is None or column is None:
        return None
    found: datetime | None = conn.execute(sa.select(sa.func.min(table.c[column]))).scalar()
    return found
