"""The operations of all kinds of resources: create, list, get, patch, put, delete.

``routes/schemas`` has checked the shape of a body. The API returns a body as the client sent it,
without its secrets. These are encrypted in a column of their own and never shown.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.domain.assistant.behaviour import behaviour_problems
from app.domain.assistant.outgoing import Behaviour, check_credential_ids, check_outgoing
from app.domain.assistant.secrets import split_secrets, with_secrets
from app.domain.context import Context, iso
from app.domain.errors import Conflict, NotFound
from app.domain.ids import parse_uuid
from app.domain.overlay import merge
from app.domain.resources import server_credentials
from app.store import resources as store
from app.store.again import one_transaction
from app.store.ids import new_id
from app.store.resources import Window
from providers.common.json_types import JsonDict, JsonObject


def paged(rows: Sequence[Any], total: int, limit: int, number: int) -> JsonDict:
    """``{"results", "metadata"}``, Vapi's form of a page. A ``limit`` of 0 gives one page."""
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
    """One kind of resource. Each method raises ``NotFound`` for another organisation's id."""

    what: str
    table: sa.Table

    def __init__(self, context: Context) -> None:
        self.context = context

    @one_transaction
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
        """All objects, newest first."""
        with self.context.store.read() as conn:
            return [self.json(row) for row in store.listing(conn, self.table, org_id, window)]

    def get(self, org_id: str, id: str) -> JsonDict:
        with self.context.store.read() as conn:
            return self.json(self.row(conn, org_id, id))

    @one_transaction
    def patch(self, org_id: str, id: str, body: JsonObject, read_at: str = "") -> JsonDict:
        """Each field of the body replaces the stored one; null removes it. Other secrets stay.

        ``read_at``: its ``updatedAt`` when it was read. Raises ``Conflict`` if it has changed since.
        """
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row = self.row(conn, org_id, id)
            if read_at and read_at != iso(row["updated_at"]):
                raise Conflict(f"{self.what} {id} was changed since it was read.")
            return self.save(conn, row, self.changes(conn, row, body))

    @one_transaction
    def put(self, org_id: str, id: str, body: JsonObject) -> JsonDict:
        """The body replaces the whole stored body, secrets included."""
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row = self.row(conn, org_id, id)
            given = {name: value for name, value in body.items() if value is not None}
            return self.save(conn, row, self.values(conn, org_id, given))

    @one_transaction
    def delete(self, org_id: str, id: str) -> JsonDict:
        """Delete the object and return it. Raises ``Invalid`` while another object refers to it."""
        with self.context.store.write() as conn:
            store.hold_org(conn, org_id)
            row = self.row(conn, org_id, id)
            self.remove(conn, row)
        return self.json(row)

    # -- what a kind may do its own way

    def same_as(self, conn: Connection, org_id: str, body: JsonObject) -> str | None:
        """The id of a stored object that excludes another one like ``body``; None: none does."""
        return None

    @abstractmethod
    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        """The columns for a complete body without nulls."""

    def changes(self, conn: Connection, row: JsonObject, body: JsonObject) -> JsonDict:
        """The columns for a body that holds only changes."""
        return self.values(conn, row["org_id"], patched(self.full(row), body))

    def remove(self, conn: Connection, row: JsonObject) -> None:
        store.delete(conn, self.table, row["org_id"], row["id"])

    def json(self, row: JsonObject) -> JsonDict:
        """The object as clients see it."""
        times = {"createdAt": iso(row["created_at"]), "updatedAt": iso(row["updated_at"])}
        return {"id": row["id"], "orgId": row["org_id"], **times, **row["body"]}

    # -- shared

    def row(self, conn: Connection, org_id: str, id: str) -> JsonObject:
        known = parse_uuid(id)  # the store accepts only UUIDs
        row = store.get(conn, self.table, org_id, known) if known else None
        if row is None:
            raise NotFound(self.what, id)
        return row

    def full(self, row: JsonObject) -> JsonDict:
        """The stored body with its secrets."""
        return merge(row["body"], self.context.vault.open(row.get("secret")))

    def save(self, conn: Connection, row: JsonObject, values: JsonObject) -> JsonDict:
        values = {**values, "updated_at": self.context.now()}
        store.update(conn, self.table, row["org_id"], row["id"], values)
        return self.json({**row, **values})

    def check_servers(self, conn: Connection, org_id: str, body: JsonObject, *holders: str) -> None:
        """Raises ``Invalid`` for a server's credential that the organisation does not have.

        ``holders``: as of ``check_outgoing``.
        """
        known_here = partial(server_credentials.missing, conn, org_id)
        check_credential_ids(body, known_here, holders=holders)

    def sealed(self, body: JsonObject, behaviour: Behaviour = behaviour_problems) -> JsonDict:
        """The columns ``body`` and ``secret`` of a body, after a check of what is sent."""
        check_outgoing(body, self.context.url_problem, behaviour=behaviour)
        public, secret = split_secrets(body)
        return {"body": public, "secret": self.context.vault.seal(secret)}


def patched(old: JsonObject, changes: JsonObject) -> JsonDict:
    """``old`` with the changes. A replaced object keeps a secret that the change leaves out.

    Clients send back the body that they read, which has no secrets.
    """
    changed = {name: old[name] for name in changes if name in old}
    new = {**old, **with_secrets(changed, changes)}
    return {name: value for name, value in new.items() if value is not None}
