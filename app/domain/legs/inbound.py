"""Legs that reach us by themselves: a number's webhook, Studio's redirect, an answer webhook.

One leg is one call, however often and however concurrently the carrier asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant import validate
from app.domain.calls import create, instructions, limits
from app.domain.calls.create import INBOUND, OUTBOUND, NewCall
from app.domain.context import Core, Row
from app.domain.ids import parse_uuid
from app.domain.legs.assistant_request import ASKING, Question
from app.domain.legs.no_assistant import Refusal, give_up, instead
from app.store import accounts, calls, events
from providers.base.carrier import Provider
from providers.base.instructions import HangUp, Instruction
from providers.base.webhook import HookKind, Leg, Report, Visit
from providers.common.e164 import E164
from providers.events import CallEvent, CallStatus, EndedReason, EventKind


@dataclass(frozen=True, slots=True)
class Heard:
    """One verified webhook with all that is known of it. ``call_id`` only where the path names one."""

    provider: Provider
    hook: HookKind
    report: Report
    accounts: Sequence[Mapping[str, Any]]
    """Rows of the credentials whose secret verified it."""
    token: str | None = None
    call_id: str | None = None


class Raced(Exception):
    """The same leg's same request was served by another instance meanwhile: look again."""


class Arrivals:
    """Finds or makes the call of a leg that nobody announced."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def known(self, conn: Connection, heard: Heard) -> Row | None:
        """The leg's call, held; None when the leg is new, or is back after its call ended."""
        leg = heard.report.leg
        if leg is None:
            return None
        row = calls.find_by_ref(conn, heard.provider.name, leg.leg_ref, _orgs(heard), lock=True)
        if row is None or not is_ours(row, heard):
            return None
        if row["status"] == CallStatus.ENDED and not _sent_before(conn, row["id"], heard):
            return None
        return row

    def welcome(self, conn: Connection, heard: Heard) -> list[Instruction] | Question:
        """Make a call of the leg and put the assistant into it, or say goodbye with the reason.

        Where only a server knows who the assistant is, the call waits for its reply.
        """
        leg, visit = heard.report.leg, heard.report.visit or Visit()
        if leg is None:
            return [HangUp()]
        new, problem = self._new_call(conn, heard, leg, visit)
        row, secrets = create.draft(self.core, new)
        row["provider_call_id"] = leg.call_ref
        row["resolved"] |= {"legRef": leg.leg_ref}
        if leg.api_url:
            row["resolved"]["apiUrl"] = leg.api_url
        asks = problem is EndedReason.ASSISTANT_NOT_PROVIDED and "server" in row["resolved"]
        if asks:
            row["resolved"] |= {ASKING: self.core.now().isoformat()}
        tokens = instructions.mint()
        if visit.delivery:
            secrets["document"] = {**tokens, "delivery": visit.delivery}
        create.write(self.core, conn, row, secrets, tokens, heard.report.events)
        self._lead(conn, heard, leg, row)
        if problem is None and limits.is_full(self.core, conn, row):
            return limits.turn_away(self.core, conn, row)
        if asks:
            return Question(row["id"], first=True)
        if problem is not None:
            give_up(self.core, conn, row, Refusal(problem))
            return instead(self.core, conn, row)
        return [instructions.connect(self.core, row, tokens)]

    def _lead(self, conn: Connection, heard: Heard, leg: Leg, row: Row) -> None:
        """Make the leg's ids lead to its new call. Raises ``Raced``."""
        name, org, call_id = row["provider"], row["org_id"], row["id"]
        if not calls.claim_ref(conn, name, org, leg.leg_ref, call_id):
            before = calls.find_by_ref(conn, name, leg.leg_ref, {org})
            if before is not None and (
                before["status"] != CallStatus.ENDED or _sent_before(conn, before["id"], heard)
            ):
                raise Raced
            calls.move_ref(conn, name, org, leg.leg_ref, call_id)
        if leg.call_ref != leg.leg_ref and not calls.claim_ref(
            conn, name, org, leg.call_ref, call_id
        ):
            calls.move_ref(conn, name, org, leg.call_ref, call_id)

    def told(self, row: Row, heard: Heard) -> dict[str, Any]:
        """What a carrier's request tells of a call that is there: direction, way back."""
        leg, visit = heard.report.leg, heard.report.visit
        values: dict[str, Any] = {}
        if leg is not None and leg.inbound is not None:
            values["type"] = INBOUND if leg.inbound else OUTBOUND
        if visit is not None and visit.return_url and self._may_return(heard, visit.return_url):
            values["body"] = {**row["body"], "phoneCallProviderReturnUrl": visit.return_url}
        return {name: value for name, value in values.items() if row[name] != value}

    def _new_call(
        self, conn: Connection, heard: Heard, leg: Leg, visit: Visit
    ) -> tuple[NewCall, EndedReason | None]:
        """The call, and why it cannot be answered, if so."""
        number = self._number(conn, heard, leg)
        asked_for = visit.assistant_id or (number["assistant_id"] if number else None)
        orgs = [number["org_id"]] if number else [row["org_id"] for row in heard.accounts]
        known = parse_uuid(asked_for) if asked_for else None
        org_id, assistant = self._assistant(conn, orgs, known)
        credential = next(row for row in heard.accounts if row["org_id"] == org_id)
        problem = self._problem(asked_for, assistant)
        assistant_id = known if assistant is not None else None
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
            credential=credential,
            number=ours if ours and E164.fullmatch(ours) else None,
            body={name: value for name, value in body.items() if value},
            assistant_id=assistant_id,
            phone_number_id=number["id"] if number else None,
            assistant=(assistant or {}) if problem is None else {},
            customer=customer,
            phone_number=create.unsealed(self.core, number)["body"] if number else {},
            server=create.org_server(self.core, conn, org_id),
        )
        return new, problem

    def _problem(
        self, asked_for: str | None, assistant: Mapping[str, Any] | None
    ) -> EndedReason | None:
        """Why this assistant cannot answer."""
        if asked_for is None:
            return EndedReason.ASSISTANT_NOT_PROVIDED
        if assistant is None:
            return EndedReason.ASSISTANT_NOT_FOUND
        if validate.problem(assistant, self.core.url_problem):
            return EndedReason.ASSISTANT_NOT_INVALID
        return None

    def _assistant(
        self, conn: Connection, orgs: Sequence[str], assistant_id: str | None
    ) -> tuple[str, dict[str, Any] | None]:
        """The assistant and whose it is; of organisations that share an account, its owner's."""
        if assistant_id is None:
            return orgs[0], None
        for org_id in orgs:
            found = create.stored_assistant(self.core, conn, org_id, assistant_id)
            if found is not None:
                return org_id, found
        return orgs[0], None

    def _number(self, conn: Connection, heard: Heard, leg: Leg) -> accounts.Number | None:
        """Our number that was called, of an organisation whose secret verified the request."""
        ours = leg.from_ if leg.inbound is False else leg.to
        if not ours:
            return None
        found = accounts.numbers(conn, heard.provider.name, ours)
        return next((row for row in found if row["org_id"] in _orgs(heard)), None)

    def _may_return(self, heard: Heard, url: str) -> bool:
        return instructions.return_url_problem(self.core, heard.provider, url) is None


def _sent_before(conn: Connection, call_id: str, heard: Heard) -> bool:
    """The carrier's own re-send of a request it made before; not a new visit of the same leg."""
    return any(_is_arrival(e) and events.has(conn, call_id, e.key) for e in heard.report.events)


def _is_arrival(event: CallEvent) -> bool:
    return event.kind is EventKind.LEG_FETCHED


def _orgs(heard: Heard) -> set[str]:
    return {account["org_id"] for account in heard.accounts}


def is_ours(row: Mapping[str, Any], heard: Heard) -> bool:
    """The call is this carrier's, and of an account that signed the request."""
    signed = {(account["org_id"], account["account_ref"]) for account in heard.accounts}
    return (
        row["provider"] == heard.provider.name
        and (row["org_id"], row["resolved"].get("accountRef")) in signed
    )
