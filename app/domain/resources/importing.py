"""Objects of another installation, stored here by the same rules as those that clients send.

Each object has a row that remembers what it was at the source and what was stored. So a second
run changes nothing, and a change that was made here is noticed. All is one transaction, which a
dry run undoes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.domain.resources.base import ResourceStore
from app.store import imports
from app.store import resources as store
from app.store.ids import new_id
from providers.common.json_types import JsonDict, JsonObject

OWN_FIELDS = frozenset({"id", "orgId", "createdAt", "updatedAt"})
PURPOSE = "import"
"""Of the keyed digest of what the source had."""


class State(StrEnum):
    """What becomes of one object."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CHANGED_HERE = "changed here"
    """It was changed here since the import, and not at the source: it stays."""
    CONFLICT = "changed on both sides"
    """It is not overwritten."""
    DELETED_HERE = "deleted here"
    """It is not created again."""


class _DryRun(Exception):
    """Ends a transaction that must leave nothing."""


@contextmanager
def transaction(context: Context, org_id: str, *, write: bool) -> Iterator[Connection]:
    """One transaction for all objects. Without ``write`` it is undone at the end."""
    try:
        with context.store.write() as conn:
            store.hold_org(conn, org_id)
            yield conn
            if not write:
                raise _DryRun
    except _DryRun:
        return


@dataclass(frozen=True, slots=True)
class Importer:
    """Stores objects of one organisation within a transaction."""

    context: Context
    conn: Connection
    org_id: str
    overwrite: bool = False
    """Whether the source wins over what was changed or deleted here."""

    def id_for(self, kind: ResourceStore, name: str, source_id: str, body: JsonObject) -> str:
        """The object's id here: that of an earlier import, else the source's, else a new one."""
        known = imports.get(self.conn, self.org_id, name, source_id)
        if known is not None:
            return str(known["object_id"])
        own = parse_uuid(source_id)
        if own and store.get(self.conn, kind.table, self.org_id, own) is not None:
            return own
        if same := kind.same_as(self.conn, self.org_id, body):
            return same
        free = own and not store.is_taken(self.conn, kind.table, own)
        return own if own and free else new_id()

    def is_new(self, kind: ResourceStore, name: str, source_id: str, id: str) -> bool:
        """Whether ``put`` would create the object."""
        known = imports.get(self.conn, self.org_id, name, source_id)
        is_here = store.get(self.conn, kind.table, self.org_id, id) is not None
        return not is_here and (known is None or self.overwrite)

    def gone(self, name: str, source_ids: Collection[str]) -> list[str]:
        """The source ids of earlier imports that the source has no more."""
        rows = imports.listing(self.conn, self.org_id, name)
        return [row["source_id"] for row in rows if row["source_id"] not in source_ids]

    def put(
        self,
        kind: ResourceStore,
        name: str,
        source_id: str,
        id: str,
        body: JsonObject,
        fields: Collection[str] | None = None,
    ) -> State:
        """Store one object. Raises ``Invalid``, and then nothing of it is stored.

        ``id``: its id here. ``fields``: those that the source decides, None: all.
        """
        with imports.savepoint(self.conn):
            return self._put(_Object(kind, name, source_id, id, body, fields))

    def _put(self, what: _Object) -> State:
        known = imports.get(self.conn, self.org_id, what.name, what.source_id)
        row = store.get(self.conn, what.kind.table, self.org_id, what.id)
        if row is None:
            if known is not None and not self.overwrite:
                return State.DELETED_HERE
            return self._create(what)
        columns = what.kind.changes(self.conn, row, what.changes(row))
        before, after = what.digest(row), what.digest({**row, **columns})
        if known is not None and self._is_as_imported(what, known):
            if before == known["stored_digest"]:
                return State.UNCHANGED
            if not self.overwrite:
                return State.CHANGED_HERE
        if known is None and before == after:
            self._remember(what, after)
            return State.UNCHANGED
        is_touched = known is None or before != known["stored_digest"]
        if is_touched and before != after and not self.overwrite:
            return State.CONFLICT
        what.kind.save(self.conn, row, columns)
        self._remember(what, after)
        return State.UPDATED

    def _create(self, what: _Object) -> State:
        now = self.context.now()
        row = {"id": what.id, "org_id": self.org_id, "created_at": now, "updated_at": now}
        row |= what.kind.values(self.conn, self.org_id, what.body)
        store.insert(self.conn, what.kind.table, row)
        self._remember(what, what.digest(row))
        return State.NEW

    def _is_as_imported(self, what: _Object, known: JsonObject) -> bool:
        mac = bytes.fromhex(known["source_mac"])
        return self.context.vault.has_mac(PURPOSE, _canonical(what.body), mac)

    def _remember(self, what: _Object, digest: str) -> None:
        imports.put(
            self.conn,
            {
                "org_id": self.org_id,
                "kind": what.name,
                "source_id": what.source_id,
                "object_id": what.id,
                "source_mac": self.context.vault.mac(PURPOSE, _canonical(what.body)).hex(),
                "stored_digest": digest,
                "imported_at": self.context.now(),
            },
        )


@dataclass(frozen=True, slots=True)
class _Object:
    kind: ResourceStore
    name: str
    source_id: str
    id: str
    body: JsonObject
    fields: Collection[str] | None

    def changes(self, row: JsonObject) -> JsonDict:
        """The body, with null for each field that the source has no more. Other secrets stay."""
        stored = self.kind.json(row).keys() - OWN_FIELDS
        decided = stored if self.fields is None else stored & set(self.fields)
        given = self.body if self.fields is None else _only(self.body, self.fields)
        return {**dict.fromkeys(decided), **given}

    def digest(self, row: JsonObject) -> str:
        """Of the object as clients see it, apart from its ids and times."""
        shown = {k: v for k, v in self.kind.json(row).items() if k not in OWN_FIELDS}
        return hashlib.sha256(_canonical(shown)).hexdigest()


def _only(body: JsonObject, names: Collection[str]) -> JsonDict:
    return {name: value for name, value in body.items() if name in names}


def _canonical(value: JsonObject) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
