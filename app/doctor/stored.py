"""What is stored: API keys, assistants, and values that can no longer be sent."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from app.doctor.finding import Finding
from app.doctor.stored_values import unsendable
from app.domain.context import Context
from app.store import accounts
from app.store.schema import assistants


def keys(context: Context) -> Iterator[Finding]:
    with context.store.read() as conn:
        keys = sum(row["revoked_at"] is None for row in accounts.list_keys(conn))
        count = sa.select(sa.func.count()).select_from(assistants)
        ready = conn.execute(count).scalar_one()
    if keys:
        yield Finding("ok", f"API keys in force: {keys}")
    else:
        yield Finding("error", "no API key: set API_KEY, or run `patchbay keys create`")
    if not ready:
        yield Finding("note", "no assistant is stored; make one with POST /assistant")


def values(context: Context) -> Iterator[Finding]:
    with context.store.read() as conn:
        for line in unsendable(context, conn):
            yield Finding("error", line)
