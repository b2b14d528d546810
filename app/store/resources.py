"""Assistants, tools, customers, phone numbers and credentials: rows of one shape.

Every statement names the organisation. So another organisation's row is as absent as an unknown
one.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, every, one
from app.store.kept import changes_kept_rows, kept
from app.store.prepared import Prepared
from app.store.schema import calls, credentials, orgs, phone_numbers


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows to list. ``times`` are (column, ``gt|lt|ge|le``, value)."""

    limit: int = 100
    times: Sequence[tuple[str, str, datetime]] = ()


@dataclass(frozen=True, slots=True)
class NumberPage:
    """Which page of phone numbers or structured outputs.

    ``number`` counts from 1; ``search``: part of name or number.
    """

    number: int = 1
    search: str | None = None
    ascending: bool = False


def insert(conn: Connection, table: sa.Table, values: Columns) -> None:
    changes_kept_rows(conn)
    conn.execute(table.insert(), values)


def is_taken(conn: Connection, table: sa.Table, id: str) -> bool:
    """Whether an object of any organisation has this id."""
    return one(conn.execute(sa.select(table.c.id).where(table.c.id == id))) is not None


@cache
def _get(table: sa.Table) -> Prepared:
    return Prepared(
        sa.select(table).where(
            table.c.org_id == sa.bindparam("org"), table.c.id == sa.bindparam("id")
        )
    )


def get(conn: Connection, table: sa.Table, org_id: str, id: str) -> Row | None:
    return _get(table).one(conn, {"org": org_id, "id": id})


def get_kept(conn: Connection, table: sa.Table, org_id: str, id: str) -> Row | None:
    """The row for a call, which changes no resource: it may be kept, and must not be changed."""
    return kept(conn, (table.name, org_id, id), lambda: get(conn, table, org_id, id))


def listing(conn: Connection, table: sa.Table, org_id: str, window: Window) -> Sequence[Row]:
    """The rows of one organisation, newest first."""
    query = sa.select(table).where(table.c.org_id == org_id)
    for column, name, at in window.times:
        query = query.where(getattr(operator, name)(table.c[column], at))
    query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(window.limit)
    return every(conn.execute(query))


def names(conn: Connection, table: sa.Table, org_id: str, limit: int) -> Sequence[tuple[str, str]]:
    """Id and ``name`` of the newest rows, without the rest of their bodies. Empty: it has none."""
    columns = table.c
    query = sa.select(columns.id, columns.body["name"].as_string()).where(columns.org_id == org_id)
    newest = query.order_by(columns.created_at.desc(), columns.id.desc()).limit(limit)
    return [(id, name or "") for id, name in conn.execute(newest)]


def update(conn: Connection, table: sa.Table, org_id: str, id: str, values: Columns) -> None:
    changes_kept_rows(conn)
    conn.execute(table.update().where(*_own(table, org_id, id)).values(**values))


def delete(conn: Connection, table: sa.Table, org_id: str, id: str) -> None:
    changes_kept_rows(conn)
    conn.execute(table.delete().where(*_own(table, org_id, id)))


def hold_org(conn: Connection, org_id: str) -> None:
    """Let no other transaction change the organisation's references before this one ends.

    SQLite has one writer anyway; PostgreSQL locks the organisation's row.
    """
    # key_share: inserts of new calls, which only refer to the organisation, need not wait.
    held = sa.select(orgs.c.id).where(orgs.c.id == org_id).with_for_update(key_share=True)
    conn.execute(held)


def find_number(conn: Connection, org_id: str, provider: str, number: str) -> Row | None:
    query = sa.select(phone_numbers).where(
        phone_numbers.c.org_id == org_id,
        phone_numbers.c.provider == provider,
        phone_numbers.c.number == number,
    )
    return one(conn.execute(query.limit(1)))


def find_account(conn: Connection, org_id: str, provider: str, account_ref: str) -> Sequence[Row]:
    """The organisation's credentials for one account at a carrier, newest first."""
    query = sa.select(credentials).where(
        credentials.c.org_id == org_id,
        credentials.c.provider == provider,
        credentials.c.account_ref == account_ref,
    )
    ordered = query.order_by(credentials.c.created_at.desc(), credentials.c.id.desc())
    return every(conn.execute(ordered))


def count(conn: Connection, table: sa.Table, org_id: str) -> int:
    """The number of one organisation's rows."""
    query = sa.select(sa.func.count()).select_from(table).where(table.c.org_id == org_id)
    return int(conn.execute(query).scalar_one())


def page(
    conn: Connection, table: sa.Table, org_id: str, window: Window, page: NumberPage
) -> tuple[Sequence[Row], int]:
    """One page, and the number of rows on all pages."""
    columns = table.c
    query = sa.select(table).where(columns.org_id == org_id)
    for column, name, at in window.times:
        query = query.where(getattr(operator, name)(columns[column], at))
    if page.search:
        texts = [
            columns.body["name"].as_string(),
            *([columns.number] if "number" in columns else []),
        ]
        query = query.where(sa.or_(*(t.icontains(page.search, autoescape=True) for t in texts)))
    total = conn.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    keys = (columns.created_at, columns.id)
    order = [key.asc() if page.ascending else key.desc() for key in keys]
    rows = query.order_by(*order).limit(window.limit).offset(window.limit * (page.number - 1))
    return every(conn.execute(rows)), int(total)


def number_with(conn: Connection, credential_id: str) -> Row | None:
    """A phone number that uses this credential."""
    query = sa.select(phone_numbers).where(phone_numbers.c.credential_id == credential_id)
    return one(conn.execute(query.order_by(phone_numbers.c.id).limit(1)))


def unfinished_call_with(conn: Connection, org_id: str, credential_id: str) -> str | None:
    """The id of a call whose callbacks still have to be verified with this credential."""
    query = sa.select(calls.c.id).where(
        calls.c.org_id == org_id,
        calls.c.credential_id == credential_id,
        calls.c.settled_at.is_(None),
    )
    return conn.execute(query.limit(1)).scalar()


def _own(table: sa.Table, org_id: str, id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.id == id, table.c.org_id == org_id
