"""A call's row, typed: this module reads, changes and writes it.

``app/store/calls.py`` knows only columns. To change a call, lock its row (``get(lock=True)``)
and use ``CallTx.update``. Within the transaction the ``Call`` in memory is the truth: its changed
columns are written once, before the commit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypedDict, Unpack

from sqlalchemy.engine import Connection

from app.domain.calls.facts import NEW, CallFacts, dump_facts, load_facts
from app.domain.calls.timer_column import Timers, load_timers, timer_columns
from app.domain.context import Context
from app.store import call_lists, calls, events
from app.store.call_lists import CallFilter
from app.store.engine import after_commit, before_commit
from providers.base.carrier import Carrier
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus


class Changes(TypedDict, total=False):
    """Fields of a call that change after its creation."""

    type: str
    provider: str
    credential_id: str | None
    provider_call_id: str | None
    status: CallStatus
    ended_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None
    stream: str | None
    max_duration: int
    assistant_id: str | None
    squad_id: str | None
    body: JsonObject
    facts: CallFacts
    secret: bytes | None
    timers: Timers
    updated_at: datetime


@dataclass(slots=True)
class Call:
    """One call. All fields but the last three are columns of its table."""

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
    secret: bytes | None = field(repr=False)
    """The call's secrets, sealed."""
    created_at: datetime
    updated_at: datetime
    facts: CallFacts
    """The column ``resolved``."""
    timers: Timers | None
    """The timers that wait. None for a call that the version before created."""
    stored_facts: JsonObject = field(default_factory=lambda: NEW, repr=False, compare=False)
    """The column ``resolved`` as it was read."""
    stream: str | None = None
    """The stream of the media socket that the call has now."""
    squad_id: str | None = None
    token_data: JsonObject = field(default_factory=dict)
    """The data of the token that identified the call."""
    unwritten: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """The fields whose values are not in the row yet."""

    @property
    def active_assistant_id(self) -> str | None:
        """The id of the stored assistant that talks now, or talked last."""
        return self.facts.active_id or self.assistant_id


_GIVEN = tuple(each.name for each in fields(Call) if each.init)
_all_of = attrgetter(*_GIVEN)
_CONVERTED = {"facts", "timers", "stored_facts", "token_data", "unwritten"}
COLUMNS = tuple(each.name for each in fields(Call) if each.name not in _CONVERTED)
"""Columns that are stored without conversion."""
_of_row, _of_call = itemgetter(*COLUMNS), attrgetter(*COLUMNS)
"""Get the values of these columns, in their order."""


class CallTx(NamedTuple):
    """A call and the transaction that changes it."""

    context: Context
    conn: Connection
    call: Call

    @property
    def carrier(self) -> Carrier:
        return self.context.providers[self.call.provider]

    def update(self, **changes: Unpack[Changes]) -> None:
        """Change these fields in the ``Call``, and in its row at the end of the transaction."""
        call = self.call
        new = {name: value for name, value in changes.items() if getattr(call, name) != value}
        if new and not call.unwritten:
            before_commit(self.conn, self.write)
        call.unwritten.update(new)
        for name, value in new.items():
            setattr(call, name, value)

    def write(self) -> None:
        """Write the changed columns now, for a query of this transaction that reads the row."""
        if self.call.unwritten:
            values = _changed_columns(self.call)
            calls.update(self.conn, self.call.id, values)
            self._written(values)

    def insert(self, status: CallStatus) -> None:
        """Insert the row with ``status``, the status after the first events.

        The ``Call`` itself stays queued until its reactions run.
        """
        values = dump(self.call) | {"status": status}
        calls.insert(self.conn, values)
        self._written(values)

    def _written(self, values: JsonObject) -> None:
        due = values.get("next_timer_at")
        self.call.unwritten.clear()
        if due is not None:
            for wake in self.context.timer_wakers:
                after_commit(self.conn, partial(wake, due))


def copy_of(call: Call) -> Call:
    """A copy whose fields may be set. ``dataclasses.replace`` takes five times as long."""
    return Call(*_all_of(call))


def load(row: JsonObject) -> Call:
    call = Call(
        **dict(zip(COLUMNS, _of_row(row), strict=True)),
        facts=load_facts(row["resolved"]),
        timers=load_timers(row["timers"]),
        stored_facts=row["resolved"],
        token_data=row.get("token_data") or {},
    )
    call.status = CallStatus(call.status)
    return call


def dump(call: Call) -> JsonDict:
    """The row of a call, with every column."""
    values = dict(zip(COLUMNS, _of_call(call), strict=True))
    values["resolved"] = dump_facts(call.facts, call.stored_facts)
    return values | timer_columns(call.timers)


def _changed_columns(call: Call) -> JsonDict:
    """The columns of the fields that are not written yet, always in the same order."""
    names = call.unwritten
    values = {name: getattr(call, name) for name in sorted(names - _CONVERTED)}
    if "facts" in names:
        values["resolved"] = dump_facts(call.facts, call.stored_facts)
    if "timers" in names:
        values |= timer_columns(call.timers)
    return values


def get(conn: Connection, call_id: str, *, lock: bool = False, log: bool = False) -> Call | None:
    """A call. ``log``: its events are read along, for ``apply_events`` and ``folded``."""
    if log:
        events.foresee(conn, call_id)
    row = calls.get(conn, call_id, lock=lock)
    return load(row) if row else None


def foresee_several(conn: Connection, call_ids: Collection[str]) -> None:
    """Ask for ``get_several`` along with the next question."""
    calls.foresee_several(conn, call_ids)


def get_several(conn: Connection, call_ids: Collection[str]) -> dict[str, Call]:
    """Those of these calls that exist, by id."""
    return {row["id"]: load(row) for row in calls.get_several(conn, call_ids)}


def lock_free(conn: Connection, call_id: str) -> Call | None:
    """Get and lock a call, and read its events along.

    None when it is deleted or another transaction has locked it.
    """
    events.foresee(conn, call_id)
    row = calls.lock_free(conn, call_id)
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
