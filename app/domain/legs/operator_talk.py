"""The talk of a transfer assistant with the operator: its media socket, its beginning and its end.

The operator's leg has a media socket of its own, whose token names the transfer. A socket that is
lost is not opened again: the caller would wait too long. So the transfer has failed then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.domain.assistant import transfer_assistant, transfer_plan
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.history import load
from app.domain.assistant.rendering import rendered
from app.domain.assistant.transfer_assistant import Talk
from app.domain.calls import call_assistant, instructions, variables
from app.domain.calls.apply import apply_events
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs import transfer, warm_jobs
from app.domain.legs.forward_events import forward_event
from app.domain.legs.warm_steps import Step, talk_of
from app.domain.overlay import merge
from app.domain.reporting import pending as report
from app.store import events
from providers.base.instructions import Connect
from providers.common.json_types import JsonObject
from providers.events import EndedReason, EventKind

AGREED = EndedReason.ASSISTANT_FORWARDED_CALL
"""Why the transfer assistant ends its talk, if the operator takes the call."""
DECLINED, SILENT, TOO_LONG, HUNG_UP = "declined", "silent", "too-long", "completed"
OUTCOMES: Mapping[EndedReason, str] = {
    EndedReason.ASSISTANT_ENDED_CALL: DECLINED,
    EndedReason.SILENCE_TIMED_OUT: SILENT,
    EndedReason.VOICEMAIL: "voicemail",
}
"""Why it ends its talk otherwise -> the outcome of the transfer. All others: ``failed``."""


def document(tx: CallTx, pending: PendingForward) -> Connect:
    """Connect the operator's leg to the transfer assistant. A repeated request gets the same."""
    instructions.refresh_media(tx.context, tx.conn)
    answered_at = _answered_at(tx, pending)
    return instructions.connect_operator(tx.context, tx.call, pending.id, answered_at)


def assistant(context: Context, call: Call, pending: PendingForward) -> AssistantConfig:
    """The transfer assistant with its secrets.

    What it has from the caller's assistant is rendered here. What the transfer gives was rendered
    when it began.
    """
    hidden: JsonObject = context.vault.open(call.secret).get(transfer.HIDDEN) or {}
    plan = transfer_plan.read(merge(pending.destination, hidden))
    callers = call_assistant.with_secrets(context, call)
    lent = rendered(callers, variables.of_call(context, call))
    return transfer_assistant.effective(lent, plan.assistant)


def informed(call: Call, pending: PendingForward, made: AssistantConfig) -> AssistantConfig:
    """It, once its templates are rendered, with what it knows of the call."""
    talk = Talk(call.body.get("messages") or (), load(call.facts.history))
    plan = transfer_plan.read(pending.destination).context
    return transfer_assistant.informed(made, talk, plan, pending.briefing or "")


def begin(tx: CallTx, pending: PendingForward, stream: str) -> None:
    """The media socket is open. The report waits for what is said on it."""
    report.expect(tx, artifact(stream))
    event = forward_event(
        tx.context,
        EventKind.OPERATOR_TALKING,
        pending.id,
        process=tx.context.presence.id,
        media=stream,
    )
    apply_events(tx, [event])
    warm_jobs.watch(tx, pending, Step.TALKING)


def agree(tx: CallTx, pending: PendingForward) -> None:
    """The operator takes the call. The leg is told to join the caller once its socket is closed."""
    event = forward_event(tx.context, EventKind.OPERATOR_BRIEFED, pending.id)
    apply_events(tx, [event])
    warm_jobs.watch(tx, pending, Step.BRIEFED)


def seconds_left(tx: CallTx, pending: PendingForward) -> float:
    """How long the talk may still go on."""
    begun = talk_of(events.of_call(tx.conn, tx.call.id), pending.id)
    most = transfer_plan.read(pending.destination).talk_seconds
    return most - (tx.context.now() - begun.at).total_seconds() if begun else most


def is_deserted(tx: CallTx, pending: PendingForward) -> bool:
    """Whether the process with the talk was killed. The report waits for its words no longer."""
    begun = talk_of(events.of_call(tx.conn, tx.call.id), pending.id)
    if begun is None:
        return False
    process, stream = str(begun.data["process"]), str(begun.data["media"])
    if tx.context.presence.is_up(tx.conn, process, tx.context.now()):
        return False
    report.resolve(tx, artifact(stream))
    return True


def artifact(stream: str) -> str:
    """What the end-of-call report waits for: the words of this talk."""
    return f"operator:{stream}"


def _answered_at(tx: CallTx, pending: PendingForward) -> datetime:
    """When the operator has answered, as the log has it first."""
    for event in events.of_call(tx.conn, tx.call.id):
        is_of = event.data.get("forward") == pending.id
        if is_of and event.kind is EventKind.OPERATOR_ANSWERED:
            return event.at
    return tx.context.now()
