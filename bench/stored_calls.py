"""Fills a database with calls: copies of one whole call, with ids and times of their own.

The database makes the copies, a statement per table. Every column is copied, whatever its name.
Ids, carriers' ids and digests become the MD5 of the copy's number, as random as real ones.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from app.store.schema import Counter, Time, calls, message_attempts, messages, metadata

STEP = 20_000
"""Calls of one transaction."""
SPACING = 10_000_000
"""Microseconds between two calls."""
UNIQUE = {("call_refs", "ref"), ("call_tokens", "digest"), ("calls", "provider_call_id")}
"""Columns whose copies must differ, beside ids."""
_PRAGMAS = (
    "journal_mode=OFF",
    "synchronous=OFF",
    "cache_size=-2000000",
    "temp_store=MEMORY",
    "busy_timeout=60000",
)


def fill(url: str, call_id: str, count: int) -> None:
    """Copy the call ``count`` times. The copies are older than it, the newest ones last."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    with engine.connect() as conn:
        _define_ids(conn)
        for first in range(0, count, STEP):
            _copy(conn, call_id, first, min(first + STEP, count), count)
            conn.commit()
        if _is_postgresql(conn):  # as its autovacuum does; SQLite counts nothing by itself
            conn.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _copy(conn: Connection, call_id: str, first: int, last: int, count: int) -> None:
    numbers = _numbers(first, last)
    for table in metadata.sorted_tables:
        source = table.alias("source")
        origin = _origin(table, source, call_id)
        if origin is None:
            continue
        each = source.join(numbers, sa.true())
        rows = sa.select(*_columns(table, source, numbers, count)).select_from(each).where(origin)
        rows = rows.order_by(numbers.c.n)
        names = [column.name for column in table.c if not _is_counted(column)]
        conn.execute(table.insert().from_select(names, rows, include_defaults=False))


def _origin(table: sa.Table, source: Any, call_id: str) -> sa.ColumnElement[bool] | None:
    """The rows of the original call in this table; None for a table without any."""
    if table is calls:
        return sa.and_(source.c.id == call_id)
    if table is message_attempts:
        own = sa.select(messages.c.id).where(messages.c.call_id == call_id)
        return sa.and_(source.c.message_id.in_(own))
    return sa.and_(source.c.call_id == call_id) if "call_id" in table.c else None


def _columns(table: sa.Table, source: Any, numbers: Any, count: int) -> Iterator[Any]:
    for column in table.c:
        value, n = source.c[column.name], numbers.c.n
        if _is_counted(column):
            continue
        if (column.primary_key and column.name == "id") or _names_row(column):
            yield sa.func.copied_id(value, n)
        elif (table.name, column.name) in UNIQUE:
            yield sa.func.copied_text(value, n)
        elif isinstance(column.type, Time):
            yield sa.type_coerce(value, sa.BigInteger) - (count - n) * SPACING
        else:
            yield value


def _is_counted(column: sa.Column[Any]) -> bool:
    return column.primary_key and column.type is Counter


def _names_row(column: sa.Column[Any]) -> bool:
    return any(key.column.table in (calls, messages) for key in column.foreign_keys)


def _numbers(first: int, last: int) -> Any:
    numbers = sa.select(sa.literal(first, sa.BigInteger).label("n")).cte("numbers", recursive=True)
    return numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n + 1 < last))


def _is_postgresql(conn: Connection) -> bool:
    return conn.dialect.name == "postgresql"


def _define_ids(conn: Connection) -> None:
    """``copied_id`` and ``copied_text`` on PostgreSQL; a connection to SQLite has its own."""
    if _is_postgresql(conn):
        for name, form in (("copied_id", "::uuid::text"), ("copied_text", "")):
            conn.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {name}(of text, n bigint) RETURNS text LANGUAGE sql "
                f"IMMUTABLE RETURN md5(of || n::text){form}"
            )
        conn.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("copied_id", 2, _copied_id, deterministic=True)
    connection.create_function("copied_text", 2, _copied_text, deterministic=True)


def _copied_id(of: str, n: int) -> str:
    return str(uuid.UUID(_copied_text(of, n) or ""))


def _copied_text(of: str | None, n: int) -> str | None:
    return None if of is None else hashlib.md5(f"{of}{n}".encode()).hexdigest()
