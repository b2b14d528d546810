"""What a carrier's webhook does to a call: arriving, progress, and the question "what now?".

Every use case here is one transaction: the event is stored, the call moves, its messages and
timers are queued, and the instruction is decided - or nothing of it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from app.domain.assistant import recording as recording_policy
from app.domain.calls import instructions, limits
from app.domain.calls.apply import apply_events
from app.domain.calls.state import CallState
from app.domain.context import Context, Row
from app.domain.ids import parse_uuid
from app.domain.legs import no_capacity, transfer
from app.domain.legs.adopt import bind_leg, move_to_leg
from app.domain.legs.assistant_request import ASKING, AssistantRequests, Question
from app.domain.legs.inbound import InboundLegs, LostRace, VerifiedWebhook, is_ours
from app.domain.legs.no_assistant import farewell
from app.domain.live import control
from app.domain.recordings import carrier as carrier_recordings
from app.store import calls, events
from app.store.vault import digest
from providers.base.instructions import HangUp, Instruction
from providers.base.webhook import HookKind, Leg, WebhookReport
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_REATTACHED = 2
"""How often a leg whose socket was lost is given a fresh document, per call."""

NOT_ABOUT_OWN_LEG = {EventKind.NOTE, *carrier_recordings.TELLS_OF_RECORDING}
"""Kinds that do not concern the leg their webhook names, or do not come from it."""
ASKED_IN_MARKUP = {
    HookKind.ARRIVE,
    HookKind.FETCH,
    HookKind.CONTINUE,
    HookKind.FALLBACK,
    HookKind.FORWARD,
}
"""Here the carrier has nothing left but our answer; elsewhere an empty one lets its flow go on."""

Reader = Callable[[Context, Connection, Row, CallEvent], CallEvent]
Columns = Mapping[str, Any]
Effect = Callable[[Context, Connection, Row, CallEvent], Columns]
Concerns = Callable[[Connection, Row, VerifiedWebhook, CallEvent], bool]


def _concerns_leg(conn: Connection, row: Row, webhook: VerifiedWebhook, event: CallEvent) -> bool:
    """It is about the call's own leg, or about a socket of the call's."""
    if _is_unknown_leg(row, webhook):
        return False
    # Other sockets may be in the same conversation: a recorder of the flow's owner.
    return not webhook.report.media_leg or (
        event.stream is not None and calls.has_stream(conn, row["id"], event.stream)
    )


def _concerns_join(conn: Connection, row: Row, webhook: VerifiedWebhook, event: CallEvent) -> bool:
    """A socket that could not be opened matters only until the assistant is in."""
    return row["started_at"] is None and _concerns_leg(conn, row, webhook, event)


def _concerns_recording(
    conn: Connection, row: Row, webhook: VerifiedWebhook, event: CallEvent
) -> bool:
    """A carrier may name no leg with a recording: the URL's token says whose it is."""
    return webhook.token is not None and recording_policy.by_carrier(row)


class Handlers(NamedTuple):
    """What an event of one kind passes, in this order. What does not concern the call is a note."""

    reinterpret: Reader | None = None
    """May give the event another kind, whose handlers it then passes."""
    concerns: Concerns = _concerns_leg
    read: Reader | None = None
    """Adds what we know to what the carrier says."""
    effect: Effect | None = None
    """Runs before the event is recorded; its result are columns of the call that change with it."""


HANDLERS: Mapping[EventKind, Handlers] = {
    EventKind.MEDIA_FAILED: Handlers(no_capacity.reinterpret, _concerns_join),
    EventKind.MACHINE_DETECTED: Handlers(read=control.judge_machine, effect=control.leave_message),
    EventKind.FORWARD_ENDED: Handlers(read=transfer.name_forward, effect=transfer.show_destination),
    EventKind.FORWARD_FAILED: Handlers(read=transfer.name_forward),
    EventKind.RECORDED: Handlers(concerns=_concerns_recording),
    EventKind.RECORDING_FAILED: Handlers(concerns=_concerns_recording),
}
"""Features that a kind of event concerns before it is recorded. After it: ``reactions.py``."""
OTHERS = Handlers()


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
        while True:
            try:
                answer = self._handle_once(webhook)
            except LostRace:  # the other instance has committed by now
                answer = self._handle_once(webhook)
            if not isinstance(answer, Question):
                return answer
            self.requests.settle(answer)

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
        new = [self._read(conn, row, webhook, event) for event in report.events]
        state = apply_events(self.context, conn, row, new, self._columns(conn, row, webhook, new))
        if not report.asks:
            return []
        if stranger:
            return instructions.return_leg(row) if _in_markup(webhook) else []
        if webhook.hook in {HookKind.ARRIVE, HookKind.FETCH, HookKind.FALLBACK}:
            return self._connect_assistant(conn, row, state, report)
        return self._next_instruction(conn, row, state, webhook, new)

    def _read(
        self, conn: Connection, row: Row, webhook: VerifiedWebhook, event: CallEvent
    ) -> CallEvent:
        """The carrier's event as it concerns this call; what does not concern it is only noted."""
        if event.kind is EventKind.NOTE:
            return event
        handlers = HANDLERS.get(event.kind, OTHERS)
        if handlers.reinterpret:
            event = handlers.reinterpret(self.context, conn, row, event)
            handlers = HANDLERS.get(event.kind, OTHERS)
        if not handlers.concerns(conn, row, webhook, event):
            return _noted(event)
        return handlers.read(self.context, conn, row, event) if handlers.read else event

    def _columns(
        self, conn: Connection, row: Row, webhook: VerifiedWebhook, new: Sequence[CallEvent]
    ) -> dict[str, Any]:
        """Columns of the call that change with these events."""
        report, columns = webhook.report, dict[str, Any]()
        for event in new:
            effect = HANDLERS.get(event.kind, OTHERS).effect
            columns |= effect(self.context, conn, row, event) if effect else {}
        own = any(event.kind not in NOT_ABOUT_OWN_LEG for event in new)
        if report.leg is not None and own and not _is_bound(row, report.leg, report.media_leg):
            columns |= bind_leg(conn, row, report.leg, media=report.media_leg)
        if report.visit is not None and not _is_unknown_leg(row, webhook):
            columns |= self.arrivals.leg_facts(row, webhook)
        if moved := [event.data["callRef"] for event in new if event.data.get("callRef")]:
            columns |= move_to_leg(conn, row, moved[-1])
        return columns

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


def _is_bound(row: Row, leg: Leg, media: bool) -> bool:
    """The call knows all of this leg: ``bind_leg`` would change nothing."""
    resolved = row["resolved"]
    return (
        resolved.get("mediaLegRef" if media else "legRef") == leg.leg_ref
        and row["provider_call_id"] is not None
        and not (leg.api_url and "apiUrl" not in resolved)
    )


def _noted(event: CallEvent) -> CallEvent:
    return replace(event, kind=EventKind.NOTE, data={**event.data, "was": str(event.kind)})


def _in_markup(webhook: VerifiedWebhook) -> bool:
    return webhook.hook in ASKED_IN_MARKUP


def _answer_to(question: CallEvent) -> str:
    return f"media.reattached:{question.key}"[:200]
