"""What a carrier's webhook does to a call: arriving, progress, and the question "what now?".

Every use case here is one transaction: the event is stored, the call moves, its messages and
timers are queued, and the instruction is decided - or nothing of it happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant import recording as recording_policy
from app.domain.assistant import voicemail
from app.domain.calls import instructions, limits
from app.domain.calls.apply import LEG_IS_KNOWN, record
from app.domain.calls.state import CallState
from app.domain.context import Core, Row
from app.domain.ids import parse_uuid
from app.domain.legs import hangup, no_capacity, transfer
from app.domain.legs.adopt import _lead, adopt
from app.domain.legs.assistant_request import ASKING, AssistantRequests, Question
from app.domain.legs.inbound import Arrivals, Heard, Raced, is_ours
from app.domain.legs.no_assistant import goodbye
from app.domain.live import control
from app.domain.recordings import carrier as carrier_recordings
from app.store import calls, events
from app.store.vault import digest
from providers.base.instructions import HangUp, Instruction
from providers.base.webhook import HookKind, Report
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_REATTACHED = 2
"""How often a leg whose socket was lost is given a fresh document, per call."""

BESIDE = {EventKind.NOTE, *carrier_recordings.TOLD}
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

    def __init__(self, core: Core) -> None:
        self.core = core
        self.arrivals = Arrivals(core)
        self.requests = AssistantRequests(core)

    def hear(self, heard: Heard) -> list[Instruction]:
        """Store it and say what now; an empty list means there is nothing to say.

        A leg without an assistant waits here while a server is asked for one.
        """
        answer = self._twice(heard)
        while isinstance(answer, Question):
            self.requests.settle(answer)
            answer = self._twice(heard)
        return answer

    def _twice(self, heard: Heard) -> list[Instruction] | Question:
        try:
            return self._try(heard)
        except Raced:
            return self._try(heard)

    def _try(self, heard: Heard) -> list[Instruction] | Question:
        with self.core.store.write() as conn:
            if heard.hook in {HookKind.ARRIVE, HookKind.FALLBACK}:
                row = self.arrivals.known(conn, heard)
                if row is None:
                    return self.arrivals.welcome(conn, heard)
            else:
                row = self._find(conn, heard)
            if row is None:  # a signed word about a call we do not know, or no longer
                return [HangUp()] if heard.report.asks and _in_markup(heard) else []
            return self._hear(conn, row, heard)

    def _hear(self, conn: Connection, row: Row, heard: Heard) -> list[Instruction] | Question:
        report, stranger = heard.report, _is_stranger(row, heard)
        new = transfer.named(row, self._events(conn, row, heard, stranger))
        also: dict[str, Any] = transfer.told(conn, row, new)
        if report.leg is not None and any(e.kind not in BESIDE for e in new):
            also |= adopt(conn, row, report.leg, media=report.media_leg)
        if report.visit is not None and not stranger:
            also |= self.arrivals.told(row, heard)
        also |= _moved(conn, row, new)
        control.leave_message(self.core, conn, row, new)
        state = record(self.core, conn, row, new, also)
        carrier_recordings.heard(self.core, conn, row, new)
        if state.status is CallStatus.ENDED and any(e.kind in LEG_IS_KNOWN for e in new):
            hangup.order(self.core, conn, row, state)  # it was ended before its leg was known
        if not report.asks:
            return []
        if stranger:
            return instructions.leave(row) if _in_markup(heard) else []
        if heard.hook in {HookKind.ARRIVE, HookKind.FETCH, HookKind.FALLBACK}:
            return self._join(conn, row, state, report)
        return self._what_now(conn, row, state, heard, new)

    def _events(self, conn: Connection, row: Row, heard: Heard, stranger: bool) -> list[CallEvent]:
        """The report's events; what is not about this call's own leg or socket is only noted."""
        report, joined = heard.report, row["started_at"] is not None

        def counts(event: CallEvent) -> bool:
            if (
                event.kind in carrier_recordings.TOLD
            ):  # a carrier may name no leg with it: the URL tells
                return heard.token is not None and recording_policy.wanted(row)
            if stranger or (joined and event.kind is EventKind.MEDIA_FAILED):
                return False
            # Other sockets may be in the same conversation: a recorder of the flow's owner.
            return not report.media_leg or (
                event.stream is not None and calls.has_stream(conn, row["id"], event.stream)
            )

        assistant = row["resolved"].get("assistant", {})
        told = [no_capacity.reread(conn, row["id"], event) for event in report.events]
        speaks = control.obeys(self.core, row)
        return [
            voicemail.judged(event, assistant, speaks=speaks)
            if event.kind is EventKind.NOTE or counts(event)
            else _noted(event)
            for event in told
        ]

    def _find(self, conn: Connection, heard: Heard) -> Row | None:
        """By the call's token or id in the path, else by the leg the carrier names."""
        if heard.call_id is not None:
            known = parse_uuid(heard.call_id)
            found = calls.get(conn, known, lock=True) if known else None
            return found if found and is_ours(found, heard) else None
        if heard.token is not None:
            return calls.find_by_token(conn, digest(heard.token), instructions.CALLBACK, lock=True)
        leg, name = heard.report.leg, heard.provider.name
        if leg is None:
            return None
        orgs = {account["org_id"] for account in heard.accounts}
        found = calls.find_by_ref(conn, name, leg.leg_ref, orgs, lock=True)
        found = found or calls.find_by_ref(conn, name, leg.call_ref, orgs, lock=True)
        return found if found and is_ours(found, heard) else None

    def _join(
        self, conn: Connection, row: Row, state: CallState, report: Report
    ) -> list[Instruction] | Question:
        """A leg is here: give it the assistant, or send it on when the call is over already."""
        if state.status is CallStatus.ENDED:
            return goodbye(row)
        if state.status is CallStatus.FORWARDING:
            return transfer.hand_over(self.core, conn, row, state)
        if ASKING in row["resolved"]:
            return Question(row["id"], first=False)
        if limits.is_full(self.core, conn, row):
            return limits.turn_away(self.core, conn, row)
        delivery = report.visit.delivery if report.visit else None
        return [self._document(conn, row, delivery)]

    def _document(self, conn: Connection, row: Row, delivery: str | None = None) -> Instruction:
        """Fresh tokens, except for the carrier's own re-send of a request: the same answer again."""
        secret = self.core.vault.open(row["secret"])
        last = secret.get("document", {})
        if delivery and last.get("delivery") == delivery:
            return instructions.connect(self.core, row, last)
        tokens = instructions.mint()
        instructions.keep(self.core, conn, row, tokens)
        if delivery:
            secret["document"] = {**tokens, "delivery": delivery}
            row["secret"] = self.core.vault.seal(secret)
            calls.update(conn, row["id"], {"secret": row["secret"]})
        return instructions.connect(self.core, row, tokens)

    def _what_now(
        self,
        conn: Connection,
        row: Row,
        state: CallState,
        heard: Heard,
        new: Sequence[CallEvent],
    ) -> list[Instruction]:
        """The carrier went past our markup. A lost socket is put back; else the leg goes its way."""
        question = next((e for e in new if e.kind is EventKind.LEG_CONTINUED), None)
        if heard.hook is HookKind.FORWARD and state.status is not CallStatus.ENDED:
            return self._after_forward(conn, row, state, new)
        if state.status is CallStatus.FORWARDING:
            return transfer.hand_over(self.core, conn, row, state, question)
        if state.status is not CallStatus.ENDED and question is not None:
            if events.has(conn, row["id"], _answer_to(question)):  # the carrier's own re-send
                return [self._document(conn, row, question.key)]
            turned_away = no_capacity.was_turned_away(events.of_call(conn, row["id"]))
            if (state.joined or turned_away) and state.reattached < MAX_REATTACHED:
                return [self._reattach(conn, row, state, question)]
            self._give_up(conn, row, state, question, turned_away=turned_away)
        if row["status"] != CallStatus.ENDED:
            return []
        if _in_markup(heard) or row["body"].get("phoneCallProviderReturnUrl"):
            return instructions.leave(row)
        return []

    def _after_forward(
        self, conn: Connection, row: Row, state: CallState, new: Sequence[CallEvent]
    ) -> list[Instruction]:
        """Busy, unanswered, refused: the caller is back."""
        if not row["resolved"].get("forward"):
            return []
        if transfer.after(self.core, conn, row, state, new):
            return [self._document(conn, row, next((event.key for event in new), None))]
        return instructions.leave(row)

    def _reattach(
        self, conn: Connection, row: Row, state: CallState, question: CallEvent
    ) -> Instruction:
        again = CallEvent(
            EventKind.REATTACHED,
            at=self.core.now(),
            key=_answer_to(question),
            data={"streams": list(state.streams), "answers": question.key},
        )
        record(self.core, conn, row, [again])
        return self._document(conn, row, question.key)

    def _give_up(
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
        record(self.core, conn, row, [gone])


def _is_stranger(row: Row, heard: Heard) -> bool:
    """Another phone leg than the call's own.

    While the own leg is not known, one that is found by its conversation alone is taken for it
    only if it is the customer's.
    """
    leg, known = heard.report.leg, row["resolved"].get("legRef")
    if leg is None or heard.report.media_leg:
        return False
    if known is not None:
        return leg.leg_ref != str(known)
    by_conversation = heard.hook is HookKind.STATUS and heard.token is None
    customer = row["resolved"].get("customer", {}).get("number")
    return by_conversation and not leg.inbound and customer not in {leg.from_, leg.to}


def _noted(event: CallEvent) -> CallEvent:
    return replace(event, kind=EventKind.NOTE, data={**event.data, "was": str(event.kind)})


def _moved(conn: Connection, row: Row, new: Sequence[CallEvent]) -> dict[str, Any]:
    """A leg that changed its conversation took the call's carrier id with it."""
    refs = [event.data["callRef"] for event in new if event.data.get("callRef")]
    if not refs:
        return {}
    _lead(conn, row, refs[-1])
    return {"provider_call_id": refs[-1]}


def _in_markup(heard: Heard) -> bool:
    return heard.hook in ASKED_IN_MARKUP


def _answer_to(question: CallEvent) -> str:
    return f"media.reattached:{question.key}"[:200]
