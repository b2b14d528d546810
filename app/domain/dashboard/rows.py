"""A call as a row of a list for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.domain.calls import record
from app.domain.calls.create import INBOUND
from app.domain.calls.record import Call
from app.domain.context import Context, iso
from app.domain.reporting.ended_texts import Told, told
from app.store import call_lists, overview
from app.store.call_lists import CallFilter
from providers.events import CallStatus

MOST_LIVE = 100
"""Live calls that one page shows."""
MOST_EXPORTED = 5_000
"""Calls of one file."""
READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class CallRow:
    """One line of the list. Times are as the API writes them."""

    id: str
    created_at: str
    caller: str
    """The other party, by name or number."""
    our_number: str
    assistant: str
    carrier: str
    direction: str
    status: str
    started_at: str
    """When the assistant joined; empty: it did not."""
    seconds: int | None
    """From then to the end, or to now."""
    reason: str
    told: Told | None
    cost: float
    report: str
    """``delivered``, ``pending``, ``failed``; empty: there is none."""

    @property
    def is_live(self) -> bool:
        return self.status != CallStatus.ENDED


@dataclass(frozen=True, slots=True)
class CallPage:
    """``total`` counts all pages, as far as the store counts."""

    rows: list[CallRow]
    total: int
    number: int
    pages: int


def page(context: Context, org_id: str, wanted: CallFilter) -> CallPage:
    """One page of the calls that were looked for."""
    with context.store.read() as conn:
        found = record.listing(conn, org_id, wanted)
        reports = overview.reports(conn, [call.id for call in found])
        total = call_lists.count(conn, org_id, wanted)
    pages = max(1, -(-total // wanted.limit))
    return CallPage(_rows(context, found, reports), total, wanted.page, pages)


def newest(context: Context, org_id: str, wanted: CallFilter) -> Iterator[CallRow]:
    """The newest calls that were looked for, read page by page."""
    for number in range(1, MOST_EXPORTED // READ_AT_ONCE + 1):
        part = replace(wanted, limit=READ_AT_ONCE, page=number)
        with context.store.read() as conn:
            found = record.listing(conn, org_id, part)
            reports = overview.reports(conn, [call.id for call in found])
        yield from _rows(context, found, reports)
        if len(found) < READ_AT_ONCE:
            return


def live(context: Context, org_id: str) -> list[CallRow]:
    """The newest calls that have not ended."""
    with context.store.read() as conn:
        found = [record.load(row) for row in overview.live(conn, org_id, MOST_LIVE)]
    return _rows(context, found, {})


def live_revision(context: Context, org_id: str) -> str:
    """Another text whenever a call that is not settled has changed."""
    with context.store.read() as conn:
        return overview.live_revision(conn, org_id)


def _rows(context: Context, calls: Iterable[Call], reports: dict[str, str]) -> list[CallRow]:
    return [row_of(context, call, reports.get(call.id, "")) for call in calls]


def row_of(context: Context, call: Call, report: str = "") -> CallRow:
    """One call as a row. ``report``: the state of its report."""
    facts = call.facts
    return CallRow(
        id=call.id,
        created_at=iso(call.created_at) or "",
        caller=_first(facts.customer, "number", "sipUri", "name"),
        our_number=facts.number or "",
        assistant=_first(facts.assistant.json, "name") or call.assistant_id or "",
        carrier=call.provider,
        direction="inbound" if call.type == INBOUND else "outbound",
        status=str(call.status),
        started_at=iso(call.started_at) or "",
        seconds=_seconds(context, call),
        reason=call.ended_reason or "",
        told=told(call.ended_reason),
        cost=float(call.body.get("cost") or 0),
        report=report,
    )


def _seconds(context: Context, call: Call) -> int | None:
    if call.started_at is None:
        return None
    end = call.ended_at or context.now()
    return max(0, round((end - call.started_at).total_seconds()))


def _first(values: Any, *names: str) -> str:
    """The first of these fields that is there."""
    return next((str(values[name]) for name in names if values.get(name)), "")
