"""What a carrier's webhook does to a call: arriving, progress, and the question "what now?".

Every use case here is one transaction: the event is stored, the call moves, its messages and
timers are queued, and the instruction is decided - or nothing of it happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant import config
from app.domain.assistant import recording as recording_policy
from app.domain.calls import instructions, limits
from app.domain.calls.apply import LEG_IS_KNOWN, apply_events
from app.domain.calls.state import CallState
from app.domain.context import Context, Row
from app.domain.ids import parse_uuid
from app.domain.legs import hangup, no_capacity, transfer
from app.domain.legs.adopt import _map_ref, bind_leg
from app.domain.legs.assistant_request import ASKING, AssistantRequests, Question
from app.domain.legs.inbound import InboundLegs, LostRace, VerifiedWebhook, is_ours
from app.domain.legs.no_assistant import farewell
from app.domain.live import control
from app.domain.recordings import carrier as carrier_recordings
from app.store import calls, events
from app.store.vault import digest
from providers.base.instructions import HangUp, Instruction
from providers.base.webhook import HookKind, WebhookReport
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_REATTACHED = 2
"""How often a leg whose socket was lost is given a fresh document, per call."""

NOT_ABOUT_OWN_LEG = {EventKind.NOTE, *carrier_recordings.MAX_ERROR_TEXT}
"""Not about the leg that is named with it, or not by that leg."""
ASKED_IN_MARKUP = {
    HookKind.ARRIVE,
    HookKind.FETCH,
    HookKind.CONTINUE,
    HookKind.FALLBACK,
    HookKind.FORWARD,
}
"""Here the carrier has nothing left but our answer; elsewhere an empty one lets its flow go on."""


class LegService:
    """Use cases of the carriers' webhooks."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.arrivals = InboundLegs(context)
        self.requests = AssistantRequests(context)

    def handle(self, webhook: VerifiedWebhook) -> list[Instruction]:
        """Store it and say what now; an empty list means there is nothing to say.

        A leg without an assistant waits here while a server is asked for one.
        """
        answer = self._retry_lost_race(webhook)
        while isinstance(answer, Question):
            self.requests.settle(answer)
            answer = self._retry_lost_race(webhook)
        return answer

    def _retry_lost_race(self, webhook: VerifiedWebhook) -> list[Instruction] | Question:
        try:
            return self._handle_once(webhook)
        except LostRace:
            return self._handle_once(webhook)

    def _handle_once(self, webhook: VerifiedWebhook) -> list[Instruction] | Question:
        with self.context.store.write() as conn:
            if webhook.hook in {HookKind.ARRIVE, HookKind.FALLBACK}:
                row = self.arrivals.find_call(conn, webhook)
                if row is None:
                    return self.arrivals.create_from_leg(conn, webhook)
            else:
                row = self._find(conn, webhook)
            if row is None:  # a signed word about a call we do not know, or no longer
                return [HangUp()] if webhook.report.asks and _in_markup(webhook) else []
            return self._handle(conn, row, webhook)

    def _handle(
        self, conn: Connection, row: Row, webhook: VerifiedWebhook
    ) -> list[Instruction] | Question:
        report, stranger = webhook.report, _is_unknown_leg(row, webhook)
        new = transfer.named(row, self._events(conn, row, webhook, stranger))
        also: dict[str, Any] = transfer.send_transfer_update(conn, row, new)
        if report.leg is not None and any(e.kind not in NOT_ABOUT_OWN_LEG for e in new):
            also |= bind_leg(conn, row, report.leg, media=report.media_leg)
        if report.visit is not None and not stranger:
            also |= self.arrivals.leg_facts(row, webhook)
        also |= _moved_to_leg(conn, row, new)
        control.leave_message(self.context, conn, row, new)
        state = apply_events(self.context, conn, row, new, also)
        carrier_recordings.on_events(self.context, conn, row, new)
        if state.status is CallStatus.ENDED and any(e.kind in LEG_IS_KNOWN for e in new):
            hangup.enqueue(self.context, conn, row, state)  # it was ended before its leg was known
        if not report.asks:
            return []
        if stranger:
            return instructions.return_leg(row) if _in_markup(webhook) else []
        if webhook.hook in {HookKind.ARRIVE, HookKind.FETCH, HookKind.FALLBACK}:
            return self._connect_assistant(conn, row, state, report)
        return self._next_instruction(conn, row, state, webhook, new)

    def _events(
        self, conn: Connection, row: Row, webhook: VerifiedWebhook, stranger: bool
    ) -> list[CallEvent]:
        """The report's events; what is not about this call's own leg or socket is only noted."""
        report, joined = webhook.report, row["started_at"] is not None

        def counts(event: CallEvent) -> bool:
            if (
                event.kind in carrier_recordings.MAX_ERROR_TEXT
            ):  # a carrier may name no leg with it: the URL tells
                return webhook.token is not None and recording_policy.by_carrier(row)
            if stranger or (joined and event.kind is EventKind.MEDIA_FAILED):
                return False
            # Other sockets may be in the same conversation: a recorder of the flow's owner.
            return not report.media_leg or (
                event.stream is not None and calls.has_stream(conn, row["id"], event.stream)
            )

        plan = config.of_call(row).voicemail
        told = [no_capacity.reinterpret(conn, row["id"], event) for event in report.events]
        speaks = control.accepts_control(self.context, row)
        return [
            plan.judged(event, speaks=speaks)
            if event.kind is EventKind.NOTE or counts(event)
            else _noted(event)
            for event in told
        ]

    def _find(self, conn: Connection, webhook: VerifiedWebhook) -> Row | None:
        """By the call's token or id in the path, else by the leg the carrier names."""
        if webhook.call_id is not None:
            known = parse_uuid(webhook.call_id)
            found = calls.get(conn, known, lock=True) if known else None
            return found if found and is_ours(found, webhook) else None
        if webhook.token is not None:
            return calls.find_by_token(
                conn, digest(webhook.token), instructions.CALLBACK, lock=True
            )
        leg, name = webhook.report.leg, webhook.provider.name
        if leg is None:
            return None
        orgs = {account["org_id"] for account in webhook.accounts}
        found = calls.find_by_ref(conn, name, leg.leg_ref, orgs, lock=True)
        found = found or calls.find_by_ref(conn, name, leg.call_ref, orgs, lock=True)
        return found if found and is_ours(found, webhook) else None

    def _connect_assistant(
        self, conn: Connection, row: Row, state: CallState, report: WebhookReport
    ) -> list[Instruction] | Question:
        """A leg is here: give it the assistant, or send it on when the call is over already."""
        if state.status is CallStatus.ENDED:
            return farewell(row)
        if state.status is CallStatus.FORWARDING:
            return transfer.hand_over(self.context, conn, row, state)
        if ASKING in row["resolved"]:
            return Question(row["id"], first=False)
        if limits.is_full(self.context, conn, row):
            return limits.refuse_media(self.context, conn, row)
        delivery = report.visit.delivery if report.visit else None
        return [self._document(conn, row, delivery)]

    def _document(self, conn: Connection, row: Row, delivery: str | None = None) -> Instruction:
        """Fresh tokens, except for the carrier's own re-send of a request: the same answer again."""
        secret = self.context.vault.open(row["secret"])
        last = secret.get("document", {})
        if delivery and last.get("delivery") == delivery:
            return instructions.connect(self.context, row, last)
        tokens = instructions.new_tokens()
        instructions.save_tokens(self.context, conn, row, tokens)
        if delivery:
            secret["document"] = {**tokens, "delivery": delivery}
            row["secret"] = self.context.vault.seal(secret)
            calls.update(conn, row["id"], {"secret": row["secret"]})
        return instructions.connect(self.context, row, tokens)

    def _next_instruction(
        self,
        conn: Connection,
        row: Row,
        state: CallState,
        webhook: VerifiedWebhook,
        new: Sequence[CallEvent],
    ) -> list[Instruction]:
        """The carrier went past our markup. A lost socket is put back; else the leg goes its way."""
        question = next((e for e in new if e.kind is EventKind.LEG_CONTINUED), None)
        if webhook.hook is HookKind.FORWARD and state.status is not CallStatus.ENDED:
            return self._after_forward(conn, row, state, new)
        if state.status is CallStatus.FORWARDING:
            return transfer.hand_over(self.context, conn, row, state, question)
        if state.status is not CallStatus.ENDED and question is not None:
            if events.has(conn, row["id"], _answer_to(question)):  # the carrier's own re-send
                return [self._document(conn, row, question.key)]
            turned_away = no_capacity.was_refused(events.of_call(conn, row["id"]))
            if (state.joined or turned_away) and state.reattached < MAX_REATTACHED:
                return [self._reattach(conn, row, state, question)]
            self._end_unanswerable(conn, row, state, question, turned_away=turned_away)
        if row["status"] != CallStatus.ENDED:
            return []
        if _in_markup(webhook) or row["body"].get("phoneCallProviderReturnUrl"):
            return instructions.return_leg(row)
        return []

    def _after_forward(
        self, conn: Connection, row: Row, state: CallState, new: Sequence[CallEvent]
    ) -> list[Instruction]:
        """Busy, unanswered, refused: the caller is back."""
        if not row["resolved"].get("forward"):
            return []
        if transfer.after(self.context, conn, row, state, new):
            return [self._document(conn, row, next((event.key for event in new), None))]
        return instructions.return_leg(row)

    def _reattach(
        self, conn: Connection, row: Row, state: CallState, question: CallEvent
    ) -> Instruction:
        again = CallEvent(
            EventKind.REATTACHED,
            at=self.context.now(),
            key=_answer_to(question),
            data={"streams": list(state.streams), "answers": question.key},
        )
        apply_events(self.context, conn, row, [again])
        return self._document(conn, row, question.key)

    def _end_unanswerable(
        self,
        conn: Connection,
        row: Row,
        state: CallState,
        question: CallEvent,
        *,
        turned_away: bool,
    ) -> None:
        """Re-attaching is spent, or the assistant never was in."""
        reason = question.reason or EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET
        if state.shut_down:
            reason = EndedReason.SERVER_SHUTDOWN
        elif turned_away:
            reason = EndedReason.NO_SERVER_AVAILABLE
        elif not state.joined:
            reason = EndedReason.ASSISTANT_JOIN_TIMED_OUT
        gone = CallEvent(
            EventKind.MEDIA_GONE if state.joined else EventKind.MEDIA_FAILED,
            at=question.at,
            key=f"media.gone:{question.key}"[:200],
            reason=reason,
        )
        apply_events(self.context, conn, row, [gone])


def _is_unknown_leg(row: Row, webhook: VerifiedWebhook) -> bool:
    """Another phone leg than the call's own.

    While the own leg is not known, one that is found by its conversation alone is taken for it
    only if it is the customer's.
    """
    leg, known = webhook.report.leg, row["resolved"].get("legRef")
    if leg is None or webhook.report.media_leg:
        return False
    if known is not None:
        return leg.leg_ref != str(known)
    by_conversation = webhook.hook is HookKind.STATUS and webhook.token is None
    customer = row["resolved"].get("customer", {}).get("number")
    return by_conversation and not leg.inbound and customer not in {leg.from_, leg.to}


def _noted(event: CallEvent) -> CallEvent:
    return replace(event, kind=EventKind.NOTE, data={**event.data, "was": str(event.kind)})


def _moved_to_leg(conn: Connection, row: Row, new: Sequence[CallEvent]) -> dict[str, Any]:
    """A leg that changed its conversation took the call's carrier id with it."""
    refs = [event.data["callRef"] for event in new if event.data.get("callRef")]
    if not refs:
        return {}
    _map_ref(conn, row, refs[-1])
    return {"provider_call_id": refs[-1]}


def _in_markup(webhook: VerifiedWebhook) -> bool:
    return webhook.hook in ASKED_IN_MARKUP


def _answer_to(question: CallEvent) -> str:
    return f"media.reattached:{question.key}"[:200]
