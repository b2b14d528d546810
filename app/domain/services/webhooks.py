"""The use cases of a carrier's webhook: a leg's arrival, its progress, its next document.

Each is one transaction. It stores the events, changes the call, queues messages and timers, and
decides the instruction. A failure rolls all of that back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy.engine import Connection

from app.domain.calls import answers, instructions, limits, record, tokens
from app.domain.calls.apply import Applied, apply_events, apply_report
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.state import CallState
from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.domain.legs import (
    destinations,
    no_capacity,
    operator,
    owner_callbacks,
    reattach,
    transfer,
    web_legs,
)
from app.domain.legs.adopt import bind_leg, move_to_leg
from app.domain.legs.assistant_request import AssistantRequests, Question
from app.domain.legs.auth import belongs
from app.domain.legs.inbound import (
    InboundLegs,
    LostRace,
    VerifiedWebhook,
    request_of,
)
from app.domain.legs.no_assistant import farewell
from app.domain.legs.queue import line, turn
from app.domain.live import control
from app.domain.recordings import carrier as carrier_recordings
from app.store import calls, events
from app.store.again import one_transaction, until_done
from app.store.engine import before_commit
from app.store.faults import Deadlocked
from app.store.ids import new_id
from providers.base.instructions import Connect, HangUp, Instruction
from providers.base.webhook import OF_OPERATORS, HookKind, Leg, WebhookReport
from providers.errors import Refused
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

NOT_ABOUT_OWN_LEG = {EventKind.NOTE, *carrier_recordings.TELLS_OF_RECORDING}
"""Event kinds that do not concern the leg that their webhook names."""
ASKED_IN_MARKUP = {
    HookKind.ARRIVE,
    HookKind.FETCH,
    HookKind.CONTINUE,
    HookKind.FALLBACK,
    HookKind.FORWARD,
    HookKind.OPERATOR,
    HookKind.SPOKE,
    HookKind.BRIEFED,
    HookKind.TALKED,
    HookKind.WAIT,
}
"""Webhooks whose response is the leg's next document.

An empty response to another webhook lets the leg continue with its current document.
"""

ARRIVALS = {HookKind.ARRIVE, HookKind.FETCH, HookKind.FALLBACK}
"""Of these, the requests for a leg's first document."""

OVERTAKEN = (LostRace, calls.Moved, Deadlocked)
"""Another webhook of the leg was committed first: a new transaction sees what it did."""

Reader = Callable[[CallTx, CallEvent], CallEvent]
Effect = Callable[[CallTx, CallEvent], Changes]
Concerns = Callable[[CallTx, VerifiedWebhook, CallEvent], bool]


def _concerns_leg(tx: CallTx, webhook: VerifiedWebhook, event: CallEvent) -> bool:
    """Whether the event is about the call's own leg or one of its media sockets."""
    if _is_unknown_leg(tx.call, webhook):
        return False
    if event.stream is None:
        return not webhook.report.media_leg
    # The flow may have other sockets in the same conversation, such as a recorder.
    return tokens.is_stream(tx.context.vault, tx.conn, tx.call.id, event.stream)


def _concerns_join(tx: CallTx, webhook: VerifiedWebhook, event: CallEvent) -> bool:
    """Whether the assistant has not joined. A socket that fails later changes nothing."""
    return tx.call.started_at is None and _concerns_leg(tx, webhook, event)


def _concerns_recording(tx: CallTx, webhook: VerifiedWebhook, event: CallEvent) -> bool:
    """Whether the URL's token identifies a recorded call. Not all recordings name their leg."""
    return webhook.token is not None and tx.call.facts.recorded


def _tell_error(tx: CallTx, event: CallEvent) -> Changes:
    """Show what the carrier said of the media that it gave up."""
    error, over = event.data.get("errorMessage"), tx.call.status == CallStatus.ENDED
    return Changes() if over or not error else Changes(body={**tx.call.body, "endedMessage": error})


class Handlers(NamedTuple):
    """The handlers of one event kind, in their order.

    An event that does not concern the call becomes a note.
    """

    reinterpret: Reader | None = None
    """May change the event's kind. The handlers of the new kind then continue."""
    concerns: Concerns = _concerns_leg
    read: Reader | None = None
    """Adds our own data to the carrier's event."""
    effect: Effect | None = None
    """Runs before the event is stored, and returns further changes of the call."""


HANDLERS: Mapping[EventKind, Handlers] = {
    EventKind.MEDIA_GONE: Handlers(effect=_tell_error),
    EventKind.MEDIA_FAILED: Handlers(no_capacity.reinterpret, _concerns_join),
    EventKind.MACHINE_DETECTED: Handlers(read=control.judge_machine, effect=control.leave_message),
    EventKind.FORWARD_ENDED: Handlers(read=transfer.name_forward, effect=transfer.show_destination),
    EventKind.FORWARD_FAILED: Handlers(read=transfer.name_forward),
    EventKind.RECORDED: Handlers(concerns=_concerns_recording),
    EventKind.RECORDING_FAILED: Handlers(concerns=_concerns_recording),
}
"""The handlers of each kind, which run before the event is stored.

``reactions.py`` has those that run afterwards.
"""
OTHERS = Handlers()


class LegService:
    """The use cases of the carriers' webhooks."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.arrivals = InboundLegs(context)
        self.requests = AssistantRequests(context)

    def handle(self, webhook: VerifiedWebhook) -> list[Instruction]:
        """Store the webhook's events. Returns the instructions for its response, or none.

        Raises ``Refused`` for a token of another account's call.
        A leg without an assistant waits here for the reply to its assistant request.
        """
        waited = False
        while True:
            try:
                answer = self._handle_once(webhook, waited=waited)
            except (*OVERTAKEN, events.TokenUsed):
                answer = self._handle_again(webhook)
            if not isinstance(answer, Question):
                return answer
            self.requests.settle(answer)
            waited = True

    @one_transaction
    def keep(self, webhook: VerifiedWebhook) -> None:
        """Store a request for the flow's owner that is not understood here."""
        with self.context.store.write() as conn:
            owner_callbacks.keep(self.context, conn, webhook, None)

    def _handle_again(self, webhook: VerifiedWebhook) -> list[Instruction] | Question:
        """Handle a webhook that another one overtook. Different ones of a leg may do so again."""
        try:
            return until_done(partial(self._handle_once, webhook), *OVERTAKEN)
        except events.TokenUsed:
            raise Refused("the token was used for another request before") from None

    def _handle_once(
        self, webhook: VerifiedWebhook, *, waited: bool = False
    ) -> list[Instruction] | Question:
        """``waited``: this webhook has waited for the reply to its assistant request."""
        with self.context.store.write() as conn:
            if webhook.hook in {HookKind.ARRIVE, HookKind.FALLBACK}:
                call = self.arrivals.find_call(conn, webhook) or web_legs.find(
                    self.context, conn, webhook
                )
                if call is None:
                    return self.arrivals.create_from_leg(conn, webhook)
            else:
                call = self._find(conn, webhook)
                if webhook.owners is not None:  # last: others wait for its job's row
                    keep = partial(owner_callbacks.keep, self.context, conn, webhook, call)
                    before_commit(conn, keep)
            if call is not None and call.provider != webhook.provider.name:
                return [HangUp()]  # a web call that a browser has joined, or that is over
            if call is None:  # verified, but its call is unknown or deleted
                return [HangUp()] if webhook.report.asks and _in_markup(webhook) else []
            return self._handle(CallTx(self.context, conn, call), webhook, waited=waited)

    def _handle(
        self, tx: CallTx, webhook: VerifiedWebhook, *, waited: bool
    ) -> list[Instruction] | Question:
        if webhook.hook in OF_OPERATORS:
            return operator.handle(tx, webhook)
        report, stranger = webhook.report, _is_unknown_leg(tx.call, webhook)
        new = [self._read(tx, webhook, event) for event in report.events]
        applied = apply_report(tx, new, partial(self._changes, tx, webhook))
        answer: list[Instruction] | Question = []
        if not report.asks:
            return answer
        if stranger:
            return instructions.return_leg(tx.call) if _in_markup(webhook) else []
        if webhook.hook is HookKind.WAIT:
            return self._wait(tx, applied.state, webhook)
        if webhook.hook in ARRIVALS:
            answer = self._connect_assistant(tx, applied, report)
        elif not applied.added:
            return self._repeated_answer(tx, applied.state, webhook, new)
        else:
            answer = self._next_instruction(tx, applied.state, webhook, new)
        if isinstance(answer, Question) or not answer:
            return answer
        # A document that connects the assistant follows from its request's event, but for a forward.
        is_usual = isinstance(answer[0], Connect) and webhook.hook is not HookKind.FORWARD
        if (applied.added or waited) and not is_usual:
            answers.keep(tx, new, answer)
        return answer

    def _read(self, tx: CallTx, webhook: VerifiedWebhook, event: CallEvent) -> CallEvent:
        """The event after its kind's handlers; a note if it does not concern this call."""
        if event.kind is EventKind.NOTE:
            return event
        handlers = HANDLERS.get(event.kind, OTHERS)
        if handlers.reinterpret:
            event = handlers.reinterpret(tx, event)
            handlers = HANDLERS.get(event.kind, OTHERS)
        if not handlers.concerns(tx, webhook, event):
            return _noted(event)
        return handlers.read(tx, event) if handlers.read else event

    def _changes(self, tx: CallTx, webhook: VerifiedWebhook, new: Sequence[CallEvent]) -> Changes:
        """The changes of the call that these new events cause, beyond its state."""
        report, changes = webhook.report, Changes()
        for event in new:
            effect = HANDLERS.get(event.kind, OTHERS).effect
            if effect:
                changes.update(effect(tx, event))
        own = any(event.kind not in NOT_ABOUT_OWN_LEG for event in new)
        if report.leg is not None and own and not _is_bound(tx.call, report.leg, report.media_leg):
            changes.update(bind_leg(tx, report.leg, media=report.media_leg))
        if report.visit is not None and not _is_unknown_leg(tx.call, webhook):
            changes.update(self.arrivals.leg_facts(tx.call, webhook))
        if moved := [event.data["callRef"] for event in new if event.data.get("callRef")]:
            changes.update(move_to_leg(tx, moved[-1]))
        return changes

    def _find(self, conn: Connection, webhook: VerifiedWebhook) -> Call | None:
        """Find the call by the path's id or token, else by the leg that the carrier names.

        Raises ``Refused``.
        """
        if webhook.call_id is not None:
            known = parse_uuid(webhook.call_id)
            found = record.get(conn, known, lock=True, log=True) if known else None
            return found if found and belongs(found, webhook.provider, webhook.accounts) else None
        if webhook.token is not None:
            found = tokens.find_call(self.context.vault, conn, webhook.token, lock=True)
            if found is not None and not belongs(found, webhook.provider, webhook.accounts):
                raise Refused("the token is of another account's call")
            return found
        leg, name = webhook.report.leg, webhook.provider.name
        if leg is None:
            return None
        orgs = {account["org_id"] for account in webhook.accounts}
        found = record.find_by_ref(conn, name, leg.leg_ref, orgs, lock=True)
        found = found or record.find_by_ref(conn, name, leg.call_ref, orgs, lock=True)
        return found if found and belongs(found, webhook.provider, webhook.accounts) else None

    def _connect_assistant(
        self, tx: CallTx, applied: Applied, report: WebhookReport
    ) -> list[Instruction] | Question:
        """Connect an arrived leg to its assistant, or return it if the call has ended."""
        state, is_new = applied.state, bool(applied.added)
        if state.status is CallStatus.ENDED:
            return farewell(tx.call)
        if state.status is CallStatus.FORWARDING and (is_new or not state.joined):
            return transfer.hand_over(tx, state)  # perhaps to what its server has named meanwhile
        if state.status is CallStatus.FORWARDING and state.handed_over:
            return transfer.forward(tx)
        if tx.call.facts.asking_since is not None:
            return Question(tx.call.id, first=False)
        if self._has_limit or line.SHOWN in tx.call.body:
            if waiting := line.get(tx):
                return line.hold(tx, waiting)
            has_slot = limits.had_slot(tx, applied.log, applied.added)
            if not state.joined and limits.is_full(tx, has_slot=has_slot):
                return line.refuse(tx)
        return [self._document(tx, request_of(report), applied.received_at if is_new else None)]

    @property
    def _has_limit(self) -> bool:
        return bool(self.context.settings.max_concurrent_calls)

    def _wait(self, tx: CallTx, state: CallState, webhook: VerifiedWebhook) -> list[Instruction]:
        """The next turn of a leg that waits. One that the API called twice is reattached."""
        found = turn.next_document(tx, state, webhook.token, webhook.report.pressed)
        if found is not None:
            return found
        question = CallEvent(EventKind.LEG_CONTINUED, self.context.now(), f"queue:{new_id()}")
        state = apply_events(tx, [question])
        return [self._reattach(tx, state, question, reattach.cause_of(state))]

    def _document(
        self, tx: CallTx, request: str | None = None, received_at: datetime | None = None
    ) -> Instruction:
        """The document that answers a request. A repeated request gets the same document."""
        given = instructions.tokens_for(tx, request, received_at)
        return instructions.connect(self.context, tx.call, given)

    def _next_instruction(
        self, tx: CallTx, state: CallState, webhook: VerifiedWebhook, new: Sequence[CallEvent]
    ) -> list[Instruction]:
        """The instruction after our document's end: reattach a lost socket, or return the leg."""
        question = next((e for e in new if e.kind is EventKind.LEG_CONTINUED), None)
        if webhook.hook is HookKind.FORWARD and state.status is not CallStatus.ENDED:
            return self._after_forward(tx, state, new)
        if state.status is CallStatus.FORWARDING:
            return transfer.hand_over(tx, state, question)
        if state.status is not CallStatus.ENDED and (waiting := line.get(tx)):
            return line.hold(tx, waiting)
        if state.status is not CallStatus.ENDED and question is not None:
            log, cause = events.of_call(tx.conn, tx.call.id), reattach.cause_of(state)
            turned_away = no_capacity.was_refused(log)
            allowed = reattach.is_allowed(log, cause, self.context.now())
            if (state.joined or turned_away) and allowed:
                return [self._reattach(tx, state, question, cause)]
            self._end_unanswerable(tx, state, question, turned_away=turned_away)
        return _farewell(tx, webhook)

    def _repeated_answer(
        self, tx: CallTx, state: CallState, webhook: VerifiedWebhook, known: Sequence[CallEvent]
    ) -> list[Instruction]:
        """The answer to a request that came before, perhaps long ago. It changes nothing.

        A document is the same as then, and its media token may be used or expired by now. A leg
        that is to be forwarded gets no socket by it, and asks again: then its operator is dialled.
        """
        if state.status is CallStatus.ENDED:
            return _farewell(tx, webhook)
        if state.status is CallStatus.FORWARDING and state.handed_over:
            return transfer.forward(tx)
        if waiting := line.get(tx):
            return line.hold(tx, waiting)
        question = next((e for e in known if e.kind is EventKind.LEG_CONTINUED), None)
        if webhook.hook is HookKind.FORWARD and known:
            return [self._document(tx, known[0].key)]
        if question is not None and events.has(tx.conn, tx.call.id, _answer_to(question)):
            return [self._document(tx, question.key)]
        return []

    def _after_forward(
        self, tx: CallTx, state: CallState, new: Sequence[CallEvent]
    ) -> list[Instruction]:
        """The instruction after a forward: back to the assistant, or return the leg."""
        if not tx.call.facts.forward:
            return []
        if state.status is CallStatus.FORWARDING and not transfer.is_awaited(tx):
            return transfer.hand_over(tx, state)  # out of an earlier one
        if transfer.after(tx, state, new):
            return [self._document(tx, next((event.key for event in new), None))]
        return instructions.return_leg(tx.call)

    def _reattach(
        self, tx: CallTx, state: CallState, question: CallEvent, cause: reattach.Cause
    ) -> Instruction:
        again = CallEvent(
            EventKind.REATTACHED,
            at=self.context.now(),
            key=_answer_to(question),
            data={"streams": list(state.streams), "answers": question.key, "cause": cause},
        )
        apply_events(tx, [again])
        return self._document(tx, question.key)

    def _end_unanswerable(
        self,
        tx: CallTx,
        state: CallState,
        question: CallEvent,
        *,
        turned_away: bool,
    ) -> None:
        """End a call that may not be reattached, or whose assistant never joined."""
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
        apply_events(tx, [gone], _tell_error(tx, question))


def _is_unknown_leg(call: Call, webhook: VerifiedWebhook) -> bool:
    """Whether the webhook is about another phone leg than the call's own.

    The call's own leg may not be known yet.
    Then a leg that only shares the conversation counts as its own if it is the customer's.
    """
    leg, known = webhook.report.leg, call.facts.leg_ref
    if leg is None or webhook.report.media_leg:
        return False
    if known is not None:
        return leg.leg_ref != known
    by_conversation = webhook.hook is HookKind.STATUS and webhook.token is None
    return by_conversation and not leg.inbound and not _has_customer(call, leg)


def _has_customer(call: Call, leg: Leg) -> bool:
    return (destinations.number_of(call.facts.customer) or None) in {leg.from_, leg.to}


def _is_bound(call: Call, leg: Leg, media: bool) -> bool:
    """Whether the call has all ids of this leg, so that ``bind_leg`` changes nothing."""
    known = call.facts.media_leg_ref if media else call.facts.leg_ref
    return (
        known == leg.leg_ref
        and call.provider_call_id is not None
        and not (leg.api_url and call.facts.api_url is None)
        and not (leg.sip and not media and not call.facts.sip_leg)
    )


def _noted(event: CallEvent) -> CallEvent:
    return event._replace(kind=EventKind.NOTE, data={**event.data, "was": str(event.kind)})


def _farewell(tx: CallTx, webhook: VerifiedWebhook) -> list[Instruction]:
    """Return the leg of an ended call, if it waits for markup or has a return URL."""
    waits = _in_markup(webhook) or tx.call.body.get("phoneCallProviderReturnUrl")
    over = tx.call.status == CallStatus.ENDED
    return instructions.return_leg(tx.call) if over and waits else []


def _in_markup(webhook: VerifiedWebhook) -> bool:
    return webhook.hook in ASKED_IN_MARKUP


def _answer_to(question: CallEvent) -> str:
    return f"media.reattached:{question.key}"[:200]
