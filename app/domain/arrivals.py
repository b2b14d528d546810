"""Legs that reach us by themselves: a number's webhook, Studio's redirect, an answer webhook.

One leg is one call, however often and however concurrently the carrier asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from app.domain import creation, documents, ledger
from app.domain.core import Core, Row
from app.domain.creation import INBOUND, OUTBOUND, NewCall
from app.store import accounts, calls, events
from app.store.schema import phone_numbers
from providers.base import HookKind, Leg, Provider, Report, Visit
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Heard:
    """One verified webhook with all that is known of it. ``call_id`` only where the path names one."""

    provider: Provider
    hook: HookKind
    report: Report
    accounts: Sequence[tuple[str, str]]
    """(org id, credential id) whose secret verified it."""
    token: str | None = None
    call_id: str | None = None


class Arrivals:
    """Finds or makes the call of a leg that nobody announced."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def row(self, conn: Connection, heard: Heard) -> Row | None:
        """The leg's call, held; made when the leg is new, or is back after its call ended."""
        leg = heard.report.leg
        if leg is None:
            return None
        known = calls.find_by_ref(conn, heard.provider.name, leg.leg_ref)
        if known is not None and (
            known["status"] != CallStatus.ENDED or _sent_before(conn, known["id"], heard)
        ):
            found = calls.get(conn, known["id"], lock=True)
            return dict(found) if found else None
        return self._make(conn, heard, leg, again=known is not None)

    def visit(self, conn: Connection, row: Row, heard: Heard) -> None:
        """What the carrier's request tells of a call that the API made: direction, way back."""
        leg, visit = heard.report.leg, heard.report.visit
        values: dict[str, Any] = {}
        if leg is not None and leg.inbound is not None:
            values["type"] = INBOUND if leg.inbound else OUTBOUND
        if visit is not None and visit.return_url and self._may_return(heard, visit.return_url):
            values["body"] = {**row["body"], "phoneCallProviderReturnUrl": visit.return_url}
        if any(row[name] != value for name, value in values.items()):
            calls.update(conn, row["id"], values)
            row.update(values)

    def _make(self, conn: Connection, heard: Heard, leg: Leg, *, again: bool) -> Row | None:
        visit = heard.report.visit or Visit()
        new, problem = self._new_call(conn, heard, leg, visit)
        row = creation.insert(self.core, conn, new)
        name = heard.provider.name
        if again:
            calls.move_ref(conn, name, leg.leg_ref, row["id"])
        elif not calls.claim_ref(conn, name, leg.leg_ref, row["id"]):
            calls.delete(conn, row["id"])  # the same request, on another instance, came first
            return self.row(conn, heard)
        if problem is not None:
            ledger.intend(self.core, conn, row, problem)
        return row

    def _new_call(
        self, conn: Connection, heard: Heard, leg: Leg, visit: Visit
    ) -> tuple[NewCall, EndedReason | None]:
        """The call, and why it cannot be answered, if so."""
        number = self._number(conn, heard, leg)
        org_id, credential_id = heard.accounts[0]
        phone_number: dict[str, Any] = {}
        if number is not None:
            org_id, credential_id = number["org_id"], number["credential_id"]
            stored = creation.stored(self.core, conn, phone_numbers, org_id, number["id"])
            phone_number = stored["body"] if stored else {}
        credential = accounts.get_credential(conn, credential_id)
        assistant_id = visit.assistant_id or (number["assistant_id"] if number else None)
        assistant = (
            creation.stored_assistant(self.core, conn, org_id, assistant_id)
            if assistant_id
            else None
        )
        problem = None
        if assistant is None:
            problem = (
                EndedReason.ASSISTANT_NOT_FOUND
                if assistant_id
                else EndedReason.ASSISTANT_NOT_PROVIDED
            )
        inbound = leg.inbound is not False
        theirs, ours = (leg.from_, leg.to) if inbound else (leg.to, leg.from_)
        customer = {"number": theirs} if theirs else {}
        body: dict[str, Any] = {"customer": customer, "metadata": dict(visit.metadata)}
        if visit.return_url and self._may_return(heard, visit.return_url):
            body["phoneCallProviderReturnUrl"] = visit.return_url
        new = NewCall(
            org_id=org_id,
            provider=heard.provider,
            type=INBOUND if inbound else OUTBOUND,
            bypass=True,
            credential=credential or {},
            number=ours if ours and E164.fullmatch(ours) else None,
            body={name: value for name, value in body.items() if value},
            assistant_id=assistant_id,
            phone_number_id=number["id"] if number else None,
            assistant=assistant or {},
            customer=customer,
            phone_number=phone_number,
        )
        return new, problem

    def _number(self, conn: Connection, heard: Heard, leg: Leg) -> accounts.Number | None:
        """Our number that was called, of an organisation whose secret verified the request."""
        ours = leg.from_ if leg.inbound is False else leg.to
        if not ours:
            return None
        found = accounts.numbers(conn, heard.provider.name, ours)
        allowed = {org for org, _ in heard.accounts}
        return next((row for row in found if row["org_id"] in allowed), None)

    def _may_return(self, heard: Heard, url: str) -> bool:
        return documents.return_url_problem(self.core, heard.provider, url) is None


def _sent_before(conn: Connection, call_id: str, heard: Heard) -> bool:
    """The carrier's own re-send of a request it made before; not a new visit of the same leg."""
    return any(_is_arrival(e) and events.has(conn, call_id, e.key) for e in heard.report.events)


def _is_arrival(event: CallEvent) -> bool:
    return event.kind is EventKind.LEG_FETCHED
