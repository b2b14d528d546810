"""Legs that a carrier brings: by a number's webhook, Studio's redirect or an answer webhook.

One leg is one call, even if the carrier repeats its request or sends it to two processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from app.domain.assistant import carrier_speech, number_hooks, validate
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.number_hooks import Action
from app.domain.calls import (
    answers,
    create,
    instructions,
    limits,
    record,
    stored_resources,
    web_calls,
)
from app.domain.calls.create import INBOUND, OUTBOUND, NewCall
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.domain.legs import late_binding
from app.domain.legs.assistant_request import Question
from app.domain.legs.auth import belongs
from app.domain.legs.no_assistant import Refusal, end_call, fallback, not_found, ring
from app.domain.legs.queue import line
from app.domain.resources import squads
from app.domain.resources.squads import ChosenSquad
from app.store import accounts, calls, events
from providers.base.carrier import Carrier
from providers.base.instructions import HangUp, Instruction
from providers.base.webhook import HookKind, InboundParams, Leg, WebhookReport, WebhookRequest
from providers.common.e164 import E164
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus, EndedReason, EventKind


class VerifiedWebhook(NamedTuple):
    """One verified webhook. ``call_id`` is set only if the path has one."""

    provider: Carrier
    hook: HookKind
    report: WebhookReport
    accounts: Sequence[JsonObject]
    """The rows of the credentials whose secret verified the webhook."""
    token: str | None = None
    call_id: str | None = None
    owners: WebhookRequest | None = None
    """The request as it came, if the flow's owner has had it sent to us; else None."""
    is_late: bool = False
    """It was stored before, and is read once more for the call that its leg has now."""


RETURN_URL = "phoneCallProviderReturnUrl"

NOT_PROVIDED = Refusal(EndedReason.ASSISTANT_NOT_PROVIDED)


OUTLIVED = {EventKind.LEG_CONTINUED, EventKind.FORWARD_ENDED, EventKind.FORWARD_FAILED}
"""Events of a leg that asked for another document after its assistant, so was alive."""


class LostRace(Exception):
    """Another process handled the same request of the leg meanwhile: find its call again."""


class Chosen(NamedTuple):
    """Who answers an inbound leg."""

    org_id: str
    assistant: AssistantConfig | None
    assistant_id: str | None
    squad: ChosenSquad | None
    refusal: Refusal | None
    """Why the assistant cannot answer, or that there is none."""

    @property
    def answers(self) -> AssistantConfig | None:
        """The assistant, if it can."""
        return self.assistant if self.refusal is None else None


class InboundLegs:
    """Finds or creates the call of an inbound leg."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def find_call(self, conn: Connection, webhook: VerifiedWebhook) -> Call | None:
        """The leg's call, locked; None when the leg is new or returns after its call ended."""
        leg = webhook.report.leg
        if leg is None:
            return None
        call = record.find_by_ref(
            conn, webhook.provider.name, leg.leg_ref, _orgs(webhook), lock=True
        )
        if call is None or not belongs(call, webhook.provider, webhook.accounts):
            return None
        if _made_by(conn, call, webhook):
            return None if _comes_back(conn, call, webhook) else call
        earlier = self._earlier(conn, call, webhook)
        return call if earlier is None and call.status != CallStatus.ENDED else earlier

    def _earlier(self, conn: Connection, last: Call, webhook: VerifiedWebhook) -> Call | None:
        """The call that this request made before the leg's last one."""
        leg, key = webhook.report.leg, request_of(webhook.report)
        earlier = leg and key and calls.of_leg(conn, last.org_id, leg.call_ref, key)
        return record.get(conn, earlier, lock=True) if earlier else None

    def create_from_leg(
        self, conn: Connection, webhook: VerifiedWebhook
    ) -> list[Instruction] | Question:
        """Create the leg's call and connect its assistant, or end the call with the reason.

        A call without an assistant waits for its server's reply.
        """
        leg, visit = webhook.report.leg, webhook.report.visit or InboundParams()
        if leg is None:
            return [HangUp()]
        new, refusal = self._new_call(conn, webhook, leg, visit)
        call, secrets = create.build_call(self.context, new)
        call.provider_call_id = leg.call_ref
        call.facts = call.facts._replace(
            leg_ref=leg.leg_ref, api_url=leg.api_url or None, sip_leg=leg.sip
        )
        hook = _ringing_hook(new.phone_number.json, leg)
        asks = hook is None and refusal is NOT_PROVIDED and call.facts.server is not None
        if asks:
            call.facts = call.facts._replace(asking_since=self.context.now())
        tx = CallTx(self.context, conn, call)
        create.insert_call(tx, secrets, webhook.report.events)
        self._map_refs(conn, webhook, leg, call)
        if hook is not None:
            return self._kept(tx, webhook, ring(tx, hook))
        if refusal is None and limits.is_full(tx):
            return self._kept(tx, webhook, line.refuse(tx))
        if asks:
            return Question(call.id, first=True)
        if refusal is not None:
            end_call(tx, refusal)
            return fallback(tx)
        tokens = instructions.tokens_for(tx, request_of(webhook.report), call.created_at)
        return [instructions.connect(self.context, call, tokens)]

    def _kept(
        self, tx: CallTx, webhook: VerifiedWebhook, answer: list[Instruction]
    ) -> list[Instruction]:
        answers.keep(tx, webhook.report.events, answer)
        return answer

    def _map_refs(self, conn: Connection, webhook: VerifiedWebhook, leg: Leg, call: Call) -> None:
        """Map the leg's ids to its new call. Raises ``LostRace``."""
        name, org, call_id = call.provider, call.org_id, call.id
        if not calls.claim_ref(conn, name, org, leg.leg_ref, call_id):
            before = record.find_by_ref(conn, name, leg.leg_ref, {org})
            if before is not None and (
                before.status != CallStatus.ENDED
                or (_made_by(conn, before, webhook) and not _comes_back(conn, before, webhook))
            ):
                raise LostRace
            calls.move_ref(conn, name, org, leg.leg_ref, call_id)
        if leg.call_ref != leg.leg_ref and not calls.claim_ref(
            conn, name, org, leg.call_ref, call_id
        ):
            calls.move_ref(conn, name, org, leg.call_ref, call_id)
        late_binding.look_back(self.context, conn, name, leg.leg_ref, leg.call_ref)

    def leg_facts(self, call: Call, webhook: VerifiedWebhook) -> Changes:
        """The changes of an existing call by a carrier's request: its direction, its return URL."""
        leg, visit = webhook.report.leg, webhook.report.visit
        changes: Changes = {}
        kind = OUTBOUND if leg is None or leg.inbound is False else INBOUND
        known = leg is not None and leg.inbound is not None
        if known and kind != call.type and call.type not in web_calls.TYPES:
            changes["type"] = kind
        url = visit.return_url if visit is not None else None
        if url and url != call.body.get(RETURN_URL) and self._may_return(webhook, url):
            changes["body"] = {**call.body, RETURN_URL: url}
        return changes

    def _new_call(
        self, conn: Connection, webhook: VerifiedWebhook, leg: Leg, params: InboundParams
    ) -> tuple[NewCall, Refusal | None]:
        """The values of the new call, and why no assistant can answer it, if so."""
        number = self._number(conn, webhook, leg)
        chosen = self._chosen(conn, webhook, params, number)
        inbound = leg.inbound is not False
        theirs, ours = (leg.from_, leg.to) if inbound else (leg.to, leg.from_)
        customer = {"number": theirs} if theirs else {}
        body: JsonDict = {"customer": customer, "metadata": dict(params.metadata)}
        if params.return_url and self._may_return(webhook, params.return_url):
            body[RETURN_URL] = params.return_url
        new = NewCall(
            org_id=chosen.org_id,
            provider=webhook.provider,
            type=INBOUND if inbound else OUTBOUND,
            bypass=True,
            credential=next(row for row in webhook.accounts if row["org_id"] == chosen.org_id),
            number=ours if ours and E164.fullmatch(ours) else None,
            body={name: value for name, value in body.items() if value},
            assistant_id=chosen.assistant_id,
            phone_number_id=number["id"] if number else None,
            assistant=chosen.answers or create.NO_ASSISTANT,
            customer=customer,
            phone_number=stored_resources.kept_number(self.context, conn, number)["body"]
            if number
            else stored_resources.NO_NUMBER,
            server=stored_resources.org_server(self.context, conn, chosen.org_id),
            squad=chosen.squad,
        )
        return new, chosen.refusal

    def _chosen(
        self,
        conn: Connection,
        webhook: VerifiedWebhook,
        params: InboundParams,
        number: JsonObject | None,
    ) -> Chosen:
        """Who answers: whom the leg's URL names, else the number."""
        asked_for = params.assistant_id or (number["assistant_id"] if number else None)
        orgs = [number["org_id"]] if number else [row["org_id"] for row in webhook.accounts]
        known = parse_uuid(asked_for) if asked_for else None
        org_id, assistant = self._assistant(conn, orgs, known)
        refusal: Refusal | None = NOT_PROVIDED
        squad: ChosenSquad | None = None
        squad_id = number["body"].get("squadId") if number else None
        if asked_for is not None:
            refusal = self._refusal(conn, org_id, asked_for, known, assistant)
        elif squad_id:
            squad, assistant, refusal = self._squad(conn, org_id, squad_id)
        if refusal is None and assistant is not None:
            unfit = carrier_speech.mismatch(assistant, webhook.provider)
            refusal = Refusal(EndedReason.ASSISTANT_NOT_INVALID, unfit) if unfit else None
        assistant_id = known if assistant is not None else None
        return Chosen(org_id, assistant, assistant_id, squad, refusal)

    def _squad(
        self, conn: Connection, org_id: str, squad_id: str
    ) -> tuple[ChosenSquad | None, AssistantConfig | None, Refusal | None]:
        """The squad of a number, its first member, and why it cannot answer, if so."""
        try:
            found = squads.of_id(self.context, conn, org_id, squad_id)
        except Invalid as error:
            return None, None, Refusal(EndedReason.ASSISTANT_NOT_FOUND, str(error))
        problem = validate.problem(found.first.json, self.context.url_problem)
        refusal = Refusal(EndedReason.ASSISTANT_NOT_INVALID, problem) if problem else None
        return found.squad, found.first, refusal

    def _refusal(
        self,
        conn: Connection,
        org_id: str,
        asked_for: str,
        known: str | None,
        assistant: AssistantConfig | None,
    ) -> Refusal | None:
        """Why this assistant cannot answer the call; None if it can."""
        if known is None or assistant is None:
            return not_found(asked_for)
        problem = stored_resources.assistant_problem(self.context, conn, org_id, known, assistant)
        return Refusal(EndedReason.ASSISTANT_NOT_INVALID, problem) if problem else None

    def _assistant(
        self, conn: Connection, orgs: Sequence[str], assistant_id: str | None
    ) -> tuple[str, AssistantConfig | None]:
        """The assistant and its organisation, among the organisations that share an account."""
        if assistant_id is None:
            return orgs[0], None
        for org_id in orgs:
            found = stored_resources.stored_assistant(self.context, conn, org_id, assistant_id)
            if found is not None:
                return org_id, found
        return orgs[0], None

    def _number(
        self, conn: Connection, webhook: VerifiedWebhook, leg: Leg
    ) -> accounts.Number | None:
        """The stored number of the leg, of an organisation whose secret verified the request."""
        ours = leg.from_ if leg.inbound is False else leg.to
        if not ours:
            return None
        found = accounts.numbers(conn, webhook.provider.name, ours)
        return next((row for row in found if row["org_id"] in _orgs(webhook)), None)

    def _may_return(self, webhook: VerifiedWebhook, url: str) -> bool:
        return instructions.return_url_problem(self.context, webhook.provider, url) is None


def _ringing_hook(number: JsonObject, leg: Leg) -> Action | None:
    """The action of the number's hook for this caller, whatever assistant the leg's URL names."""
    if leg.inbound is False:
        return None
    return number_hooks.ringing(number, leg.from_)


def request_of(report: WebhookReport) -> str | None:
    """The key of an arrival's event, which is the same for each repetition of its request."""
    return next((e.key for e in report.events if e.kind is EventKind.LEG_FETCHED), None)


def _made_by(conn: Connection, call: Call, webhook: VerifiedWebhook) -> bool:
    """Whether this arrival is in the call's log."""
    key = request_of(webhook.report)
    return key is not None and events.has(conn, call.id, key)


def _comes_back(conn: Connection, call: Call, webhook: VerifiedWebhook) -> bool:
    """Whether the leg may come by the request that made ``call``, and not as a repetition.

    It may once, if it joined the call, outlived it, and went back to its flow. A flow in a loop
    sends it again. A carrier with conversations gives each visit one of its own.
    """
    leg = webhook.report.leg
    if call.status != CallStatus.ENDED or leg is None or leg.leg_ref != leg.call_ref:
        return False
    if call.started_at is None or not call.body.get(RETURN_URL):
        return False
    kinds = {event.kind for event in events.of_call(conn, call.id)}
    return bool(kinds & OUTLIVED) and EventKind.LEG_ENDED not in kinds


def _orgs(webhook: VerifiedWebhook) -> set[str]:
    return {account["org_id"] for account in webhook.accounts}
