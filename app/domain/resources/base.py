"""What all kinds of resources have in common: create, list, get, patch, put, delete.

Bodies come checked for shape (``routes/schemas``) and are given back as they came, but for their
secrets, which are sealed apart and never shown.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.domain.assistant.secrets import split_secrets, with_secrets
from app.domain.assistant.urls import check_urls
from app.domain.context import Context, iso, new_id
from app.domain.errors import NotFound
from app.domain.overlay import merge
from app.store import resources as store
from app.store.resources import Window
from providers.common.json_types import JsonDict, JsonObject


def paged(rows: Sequence[Any], total: int, limit: int, number: int) -> JsonDict:
    """``{"results", "metadata"}``, as Vapi pages. Of ``limit`` 0 there is one page."""
    pages = math.ceil(total / limit) if limit else 1
    return {
        "results": list(rows),
        "metadata": {
            "itemsPerPage": limit,
            "totalItems": total,
            "currentPage": number,
            "totalPages": pages,
            "hasNextPage": number < pages,
        },
    }


class ResourceStore(ABC):
    """One kind of resource. Every method raises ``NotFound`` for an id not of this organisation."""

    what: str
    table: sa.Table

    def __init__(self, context: Context) -> None:
        self.context = context

    def create(self, org_id: str, body: JsonObject) -> JsonDict:
        """Raises ``Invalid``, as ``patch`` and ``put`` do."""
        now = self.context.now()
        row = {"id": new_id(), "org_id": org_id, "created_at": now, "updated_at": now}
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row |= self.values(conn, org_id, {k: v for k, v in body.items() if v is not None})
            store.insert(conn, self.table, row)
        return self.json(row)

    def list(self, org_id: str, window: Window) -> list[JsonDict]:
        """Newest first."""
        with self.context.store.read() as conn:
            return [self.json(row) for row in store.listing(conn, self.table, org_id, window)]

    def get(self, org_id: str, id: str) -> JsonDict:
        with self.context.store.read() as conn:
            return self.json(self.row(conn, org_id, id))

    def patch(self, org_id: str, id: str, body: JsonObject) -> JsonDict:
        """Each field given replaces the stored one; null removes it. Secrets not given stay."""
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row = self.row(conn, org_id, id)
            return self.save(conn, row, self.changes(conn, row, body))

    def put(self, org_id: str, id: str, body: JsonObject) -> JsonDict:
        """The body replaces all that was stored, secrets included."""
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row = self.row(conn, org_id, id)
            given = {name: value for name, value in body.items() if value is not None}
            return self.save(conn, row, self.values(conn, org_id, given))

    def delete(self, org_id: str, id: str) -> JsonDict:
        """What it was. Raises ``Invalid`` while something stands on it."""
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row = self.row(conn, org_id, id)
            self.remove(conn, row)
        return self.json(row)

    # -- what a kind may do its own way

    @abstractmethod
    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        """Columns for a body that is complete and holds no nulls."""

    def changes(self, conn: Connection, row: JsonObject, body: JsonObject) -> JsonDict:
        """Columns for a body that holds what is to change."""
        return self.values(conn, row["org_id"], patched(self.full(row), body))

    def remove(self, conn: Connection, row: JsonObject) -> None:
        store.delete(conn, self.table, row["org_id"], row["id"])

    def json(self, row: JsonObject) -> JsonDict:
        """As clients see it."""
        times = {"createdAt": iso(row["created_at"]), "updatedAt": iso(row["updated_at"])}
        return {"id": row["id"], "orgId": row["org_id"], **times, **row["body"]}

    # -- shared

    def row(self, conn: Connection, org_id: str, id: str) -> JsonObject:
        row = store.get(conn, self.table, org_id, id)
        if row is None:
            raise NotFound(self.what, id)
        return row

    def full(self, row: JsonObject) -> JsonDict:
        """The stored body with its secrets put back."""
        return merge(row["body"], self.context.vault.open(row.get("secret")))

    def save(self, conn: Connection, row: JsonObject, values: JsonObject) -> JsonDict:
        values = {**values, "updated_at": self.context.now()}
        store.update(conn, self.table, row["org_id"], row["id"], values)
        return self.json({**row, **values})

    def sealed(self, body: JsonObject) -> JsonDict:
        """Columns ``body`` and ``secret`` of a body whose URLs were looked at."""
        check_urls(body, self.context.url_problem)
        public, secret = split_secrets(body)
        return {"body": public, "secret": self.context.vault.seal(secret)}


def patched(old: JsonObject, changes: JsonObject) -> JsonDict:
    """``old`` with the changes; a sealed field inside a replaced object stays unless it is given.

    Clients send back what they were shown, and they are not shown secrets.
    """
    changed = {name: old[name] for name in changes if name in old}
    new = {**old, **with_secrets(changed, changes)}
    return {name: value for name, value in new.items() if value is not None}
