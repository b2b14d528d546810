"""Rows as plain dictionaries, and the little the two SQL dialects write differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.sql.dml import Insert


@lru_cache(maxsize=64)
def _insert_once(table: sa.Table, dialect: str) -> Insert:
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
    insert = maker(table).on_conflict_do_nothing()
    # PostgreSQL fetches a generated key back, and then tells no row count unless it is asked to.
    return insert.execution_options(preserve_rowcount=True)


def insert_once(conn: Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Insert unless a unique key stands in the way; whether it was inserted."""
    return conn.execute(_insert_once(table, conn.dialect.name), values).rowcount == 1


def one(result: CursorResult[Any]) -> dict[str, Any] | None:
    """The only row there is, or None."""
    row = result.one_or_none()
    return None if row is None else dict(row._mapping)


def every(result: CursorResult[Any]) -> Sequence[dict[str, Any]]:
    """All rows."""
    return [dict(row._mapping) for row in result]
