"""What ``patchbay import`` has stored: each object of the source, and the object here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store import connection
from app.store.engine import Columns, Row, every, one
from app.store.schema import imports


def get(conn: Connection, org_id: str, kind: str, source_id: str) -> Row | None:
    return one(conn.execute(sa.select(imports).where(*_key(org_id, kind, source_id))))


def listing(conn: Connection, org_id: str, kind: str) -> Sequence[Row]:
    """All of one kind, by the ids of the source."""
    query = sa.select(imports).where(imports.c.org_id == org_id, imports.c.kind == kind)
    return every(conn.execute(query.order_by(imports.c.source_id)))


def put(conn: Connection, values: Columns) -> None:
    """Insert the row, or replace the one with the same organisation, kind and source id."""
    conn.execute(
        imports.delete().where(*_key(values["org_id"], values["kind"], values["source_id"]))
    )
    conn.execute(imports.insert().values(**values))


@contextmanager
def savepoint(conn: Connection) -> Iterator[None]:
    """A part of a transaction: an exception undoes what the block has done, and nothing else."""
    conn.exec_driver_sql("SAVEPOINT part")
    try:
        yield
        conn.exec_driver_sql("RELEASE SAVEPOINT part")  # what was held back goes out before it
    except BaseException:
        cast("connection.Connection", conn).changes = []  # of this part: they may fail again
        conn.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
        conn.exec_driver_sql("RELEASE SAVEPOINT part")
        raise


def _key(org_id: str, kind: str, source_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = imports.c
    return columns.org_id == org_id, columns.kind == kind, columns.source_id == source_id
