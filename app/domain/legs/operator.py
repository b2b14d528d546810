"""The operator's side of a warm transfer: what its leg is told, and what its events lead to.

The caller waits in a room meanwhile. The operator hears why, and then enters the room.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.assistant import transfer_plan
from app.domain.calls import answers
from app.domain.calls.apply import Applied, apply_events, apply_report, earlier
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import CallTx, Changes
from app.domain.legs import operator_talk, transfer, warm_jobs
from app.domain.legs.forward_events import forward_event
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.legs.warm_steps import REACHED, Progress, Step, progress
from providers.base.instructions import Brief, Fetch, HangUp, Instruction, Join, Listen, Play, Say
from providers.base.webhook import HookKind
from providers.events import CallEvent, CallStatus, EventKind

VOICEMAIL, NO_ANSWER, FAILED = "voicemail", "no-answer", "failed"


def handle(tx: CallTx, webhook: VerifiedWebhook) -> list[Instruction]:
    """Store an event of the operator's leg, and decide what the leg does next.

    A leg whose transfer is over, or of another call, is hung up.
    """
    attempt = tx.call.token_data.get("forward")
    new = [_named(tx, event, attempt) for event in webhook.report.events]
    applied = apply_report(tx, new, lambda _: Changes())
    hung_up: list[Instruction] = [HangUp()] if webhook.report.asks else []
    pending = awaited(tx, attempt)
    if pending is None:
        if attempt is not None and _names_leg(applied, attempt):
            warm_jobs.hang_up(tx, attempt)
        return hung_up
    found = progress(applied.log, pending.id)
    if applied.added:
        _react(tx, pending, found, applied.added)
    if not _goes_on(tx) or found.outcome or not webhook.report.asks:
        return hung_up
    answer = _document(tx, pending, webhook.hook)
    if applied.added and answer:
        answers.keep(tx, new, answer)
    return answer


def fail(
    tx: CallTx, pending: PendingForward, outcome: str, error: str | None = None, *, why: str = ""
) -> None:
    """End the transfer: the caller goes back, and the operator is hung up.

    ``outcome``: the carrier's word, or ours. ``why``: the operator's reason, for the assistant.
    """
    failed = forward_event(
        tx.context,
        EventKind.FORWARD_FAILED,
        pending.id,
        outcome=outcome,
        **({"error": error} if error else {}),
    )
    apply_events(tx, [failed])
    if transfer.give_up(tx, pending, outcome, why):
        warm_jobs.bring_back(tx)


def joined(tx: CallTx, pending: PendingForward, source: str) -> None:
    """Store that the operator is with the caller, of which no event has told."""
    event = forward_event(tx.context, EventKind.OPERATOR_JOINED, pending.id)._replace(source=source)
    apply_events(tx, [event], transfer.shown(tx, pending))


def _names_leg(applied: Applied, forward_id: str) -> bool:
    """Whether the leg is up, and nothing before has named it: so nothing could hang it up."""
    found = progress(applied.log, forward_id)
    before = progress(earlier(applied.log, applied.added), forward_id)
    return bool(found.operator_ref) and not (before.operator_ref or found.outcome)


def _goes_on(tx: CallTx) -> bool:
    return tx.call.status == CallStatus.FORWARDING


def _named(tx: CallTx, event: CallEvent, attempt: str | None) -> CallEvent:
    """The event with its transfer's id. The caller's own entry into the room is a note."""
    own = event.data.get("forwardLegRef") == tx.call.facts.leg_ref
    if attempt is None or (own and event.kind is not EventKind.NOTE):
        data = {k: v for k, v in event.data.items() if k != "forwardLegRef"}
        return event._replace(kind=EventKind.NOTE, data={**data, "was": str(event.kind)})
    return event._replace(data={**event.data, "forward": attempt})


def _react(
    tx: CallTx, pending: PendingForward, found: Progress, added: Sequence[CallEvent]
) -> None:
    """What new events of the operator's leg lead to."""
    kinds = {event.kind for event in added}
    if EventKind.OPERATOR_ENDED in kinds:
        # An operator on the way has not met the caller, who must not wait in an empty room.
        if found.step is Step.JOINED:
            _end(tx, pending)
        else:
            fail(tx, pending, found.outcome or NO_ANSWER)
    elif any(event.data.get("spoke") is False for event in added):
        fail(tx, pending, NO_ANSWER)
    elif found.machine and not found.connected:
        fail(tx, pending, VOICEMAIL)
    elif EventKind.OPERATOR_TALKED in kinds and not found.connected:
        fail(tx, pending, FAILED)
    elif EventKind.OPERATOR_JOINED in kinds:
        tx.update(**transfer.shown(tx, pending))
    elif kinds & REACHED.keys():
        warm_jobs.watch(tx, pending, found.step)


def _end(tx: CallTx, pending: PendingForward) -> None:
    """The operator has left the caller: the transfer was carried out."""
    over = forward_event(tx.context, EventKind.FORWARD_ENDED, pending.id)._replace(
        reason=pending.reason
    )
    apply_events(tx, [over], transfer.shown(tx, pending))


def _document(tx: CallTx, pending: PendingForward, hook: HookKind) -> list[Instruction]:
    """What the operator's leg does next. A repeated request gets the same answer."""
    plan = transfer_plan.read(pending.destination)
    if hook is HookKind.OPERATOR and plan.assistant:
        return [operator_talk.document(tx, pending)]
    if hook is HookKind.OPERATOR and plan.listen_seconds:
        return [Listen(transfer.hook_url(tx, pending, HookKind.SPOKE), plan.listen_seconds)]
    if hook in {HookKind.OPERATOR, HookKind.SPOKE}:
        briefed = transfer.hook_url(tx, pending, HookKind.BRIEFED)
        said: list[Instruction] = [Say(pending.briefing)] if pending.briefing else []
        told = [Brief(plan.twiml, briefed)] if plan.twiml else said
        return [*told, Fetch(briefed)]
    if hook in {HookKind.BRIEFED, HookKind.TALKED}:
        signal: list[Instruction] = [Play(plan.joined_url)] if plan.joined_url else []
        seconds = tx.context.settings.max_forward_seconds
        return [*signal, Join(transfer.room(pending), seconds)]
    return []


def awaited(tx: CallTx, forward_id: str | None) -> PendingForward | None:
    """This transfer, if it is the one that the call waits for."""
    pending = tx.call.facts.forward
    return pending if _goes_on(tx) and pending is not None and pending.id == forward_id else None
