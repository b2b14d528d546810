"""Login tokens of the dashboard. Only their digests are stored; a used one is deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from app.store.engine import Columns, Row, every
from app.store.schema import login_tokens


def insert(conn: Connection, values: Columns) -> None:
    conn.execute(login_tokens.insert().values(**values))


def use(conn: Connection, digest: str, now: datetime) -> Row | None:
    """Take an unexpired token. Of several attempts at once exactly one gets its row."""
    columns = login_tokens.c
    taken = login_tokens.delete().where(columns.digest == digest, columns.expires_at > now)
    found = every(conn.execute(taken.returning(columns.org_id, columns.role)))
    return found[0] if found else None


def drop_expired(conn: Connection, now: datetime) -> None:
    conn.execute(login_tokens.delete().where(login_tokens.c.expires_at <= now))
