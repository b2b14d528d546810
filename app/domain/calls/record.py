"""A call's row, typed: this module reads, changes and writes it.

``app/store/calls.py`` knows only columns. To change a call, lock its row (``get(lock=True)``)
and use ``CallTx.update``, which changes the row and the ``Call`` together.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy.engine import Connection

from app.domain.calls.facts import CallFacts, dump_facts, load_facts
from app.domain.context import Context
from app.store import call_lists, calls
from app.store.call_lists import CallFilter
from providers.base.carrier import Carrier
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus


class Changes(TypedDict, total=False):
    """Fields of a call that change after its creation."""

    type: str
    provider_call_id: str | None
    status: CallStatus
    ended_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None
    max_duration: int
    assistant_id: str | None
    body: JsonObject
    facts: CallFacts
    secret: bytes | None
    updated_at: datetime


@dataclass(slots=True)
class Call:
    """One call. All fields but ``token_data`` are columns of its table."""

    id: str
    org_id: str
    type: str
    provider: str
    provider_call_id: str | None
    status: CallStatus
    ended_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None
    """When the ended reason was settled."""
    bypass: bool
    max_duration: int
    """In seconds."""
    assistant_id: str | None
    customer_id: str | None
    phone_number_id: str | None
    credential_id: str | None
    body: JsonObject
    """The other fields of the Call, as clients see them."""
    facts: CallFacts
    """The column ``resolved``."""
    secret: bytes | None = field(repr=False)
    """The call's secrets, sealed."""
    created_at: datetime
    updated_at: datetime
    token_data: JsonObject = field(default_factory=dict)
    """The data of the token that identified the call. The call's table has no such column."""

    def change(self, **changes: Unpack[Changes]) -> None:
        """Change the fields in memory. The row is written later in the transaction."""
        for name, value in changes.items():
            setattr(self, name, value)


COLUMNS = tuple(each.name for each in fields(Call) if each.name not in {"facts", "token_data"})
"""Columns that are stored without conversion."""


@dataclass(frozen=True, slots=True)
class CallTx:
    """A call and the transaction that changes it."""

    context: Context
    conn: Connection
    call: Call

    @property
    def carrier(self) -> Carrier:
        return self.context.providers[self.call.provider]

    def update(self, **changes: Unpack[Changes]) -> None:
        """Change these fields in the ``Call`` and in its row."""
        values: JsonDict = {**changes}
        if "facts" in changes:
            stored = dump_facts(changes["facts"])
            changes["facts"] = replace(changes["facts"], stored=stored)
            del values["facts"]
            values["resolved"] = stored
        calls.update(self.conn, self.call.id, values)
        self.call.change(**changes)


def load(row: JsonObject) -> Call:
    values = {name: row[name] for name in COLUMNS}
    values |= {"status": CallStatus(row["status"]), "facts": load_facts(row["resolved"])}
    return Call(**values, token_data=row.get("token_data") or {})


def dump(call: Call) -> JsonDict:
    """The row of a call, with every column."""
    values = {name: getattr(call, name) for name in COLUMNS}
    return {**values, "resolved": dump_facts(call.facts)}


def insert(conn: Connection, call: Call, status: CallStatus) -> None:
    """Insert the row with ``status``, the status after the first events.

    ``call`` itself stays queued until its reactions run.
    """
    values = dump(call) | {"status": status}
    calls.insert(conn, values)
    call.facts = replace(call.facts, stored=values["resolved"])


def get(conn: Connection, call_id: str, *, lock: bool = False) -> Call | None:
    row = calls.get(conn, call_id, lock=lock)
    return load(row) if row else None


def find_by_ref(
    conn: Connection, provider: str, ref: str, orgs: Collection[str], *, lock: bool = False
) -> Call | None:
    row = calls.find_by_ref(conn, provider, ref, orgs, lock=lock)
    return load(row) if row else None


def find_by_token(
    conn: Connection, digest: str, purpose: str, *, lock: bool = False
) -> Call | None:
    row = calls.find_by_token(conn, digest, purpose, lock=lock)
    return load(row) if row else None


def listing(conn: Connection, org_id: str, wanted: CallFilter) -> list[Call]:
    """One page of an organisation's calls."""
    return [load(row) for row in call_lists.listing(conn, org_id, wanted)]
