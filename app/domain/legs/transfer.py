"""Transfer a call: connect its leg to a destination, and end the call or take the caller back.

The forward is an event, which is committed first. Then the media socket is closed.
The carrier requests the next document, which has the destination.
The forward's outcome ends the call, or the caller returns to the assistant.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.calls import instructions, tokens
from app.domain.calls.apply import apply_events, request_end, state_of
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.state import CallState
from app.domain.errors import Invalid
from app.domain.legs import destinations, dial_limit
from app.domain.reporting import server_messages
from app.store.ids import new_id
from providers.base.instructions import Forward, Instruction, Say
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_FORWARDS = 3
"""The attempts per call, with the failed ones."""
NO_LEG = "a call from a browser has no phone leg, so it cannot be transferred"


def transfer(tx: CallTx, destination: JsonObject, content: str | None) -> None:
    """Transfer a call in progress for its assistant or its client. Raises ``Invalid``."""
    if tx.call.status != CallStatus.IN_PROGRESS:
        raise Invalid(f"the call cannot be transferred: its status is {tx.call.status}")
    problem = begin(tx, destination, message=content, reason=EndedReason.ASSISTANT_FORWARDED_CALL)
    if problem:
        raise Invalid(problem)
    told = {"destination": dict(destination)}
    server_messages.queue(tx, server_messages.TRANSFER_UPDATE, told)


def begin(
    tx: CallTx,
    destination: JsonObject,
    *,
    reason: EndedReason,
    message: str | None = None,
    assisted: bool = True,
) -> str | None:
    """Begin a forward. Returns why not, as a sentence, and then changes nothing; None on success.

    ``reason`` is the ended reason if the destination is reached or the caller cannot return.
    ``assisted`` is false if no assistant waits for the caller's return.
    ``message`` is what the caller hears first.
    """
    state = state_of(tx)
    problem = _problem(tx, state, destination)
    if problem:
        return problem
    attempt = new_id()
    pending = PendingForward(
        id=attempt,
        destination=dict(destination),
        message=message if message is not None else destinations.first_words(destination),
        reason=reason,
        back=assisted and destination.get("onFailure") != "end",
    )
    event = CallEvent(
        EventKind.FORWARD_STARTED,
        at=tx.context.now(),
        key=f"forward.started:{attempt}",
        data={"forward": attempt, "destination": destinations.address(destination)},
    )
    apply_events(tx, [event], {"facts": tx.call.facts._replace(forward=pending)})
    return None


def _problem(tx: CallTx, state: CallState, destination: JsonObject) -> str | None:
    """Why the call is not forwarded there now. The operator is told, too."""
    if not tx.carrier.phone:
        return NO_LEG
    problem = destinations.problem(tx, destination)
    reason = "destination" if problem else "forwards"
    if state.forwards >= MAX_FORWARDS:
        problem = problem or f"a call is forwarded {MAX_FORWARDS} times at most"
    if problem is None:
        return dial_limit.forward_problem(tx, destination)
    dial_limit.note_refusal(tx.context, reason, destination, problem)
    return problem


def hand_over(tx: CallTx, state: CallState, question: CallEvent | None = None) -> list[Instruction]:
    """The instructions that forward the leg. A repeated request gets the same ones.

    The leg's media socket is marked as replaced, so that its late events do not end the call.
    """
    pending = _pending(tx.call)
    answers = {"answers": question.key} if question is not None else {}
    if state.streams or answers:
        replaced = CallEvent(
            EventKind.REATTACHED,
            at=tx.context.now(),
            key=f"forward.replaced:{question.key if question else pending.id}"[:200],
            data={"streams": list(state.streams), "forward": pending.id, **answers},
        )
        apply_events(tx, [replaced])
    return forward(tx)


def forward(tx: CallTx) -> list[Instruction]:
    """The instructions of the pending forward."""
    pending = _pending(tx.call)
    said = [Say(pending.message)] if pending.message else []
    return [*said, _instruction(tx, pending)]


def _instruction(tx: CallTx, pending: PendingForward) -> Forward:
    token = tokens.forward_token(tx.context.vault, tx.call.id, pending.id)
    provider, destination = tx.carrier, pending.destination
    extension = destination.get("extension")
    return Forward(
        destinations.address(destination),
        instructions.hook_url(tx.context, provider, HookKind.FORWARD, token),
        caller_id=destination.get("callerId") or tx.call.facts.number,
        extension=destinations.keys(extension) if extension else None,
        max_duration=tx.context.settings.max_forward_seconds,
    )


def name_forward(tx: CallTx, event: CallEvent) -> CallEvent:
    """Add the forward's id to an outcome. Only the URL's token has it, not the carrier's event.

    An outcome whose token has no forward becomes a note.
    """
    attempt, pending = tx.call.token_data.get("forward"), tx.call.facts.forward
    reason = pending.reason if pending and attempt and pending.id == attempt else None
    if attempt is None:
        was = {**event.data, "was": str(event.kind)}
        return event._replace(kind=EventKind.NOTE, reason=None, data=was)
    told = {**event.data, "forward": attempt}
    ended = event.kind is EventKind.FORWARD_ENDED
    return event._replace(data=told, reason=(reason or event.reason) if ended else event.reason)


def show_destination(tx: CallTx, event: CallEvent) -> Changes:
    """The changes of the call after its destination is reached: the Call shows it."""
    pending = tx.call.facts.forward
    if (
        pending is None
        or event.data["forward"] != pending.id
        or tx.call.settled_at
        or not state_of(tx).forwarded_to
    ):
        return {}
    destination = pending.destination
    number = destinations.number_of(destination) if destination["type"] == "number" else None
    shown = {"destination": destination, **({"forwardedPhoneNumber": number} if number else {})}
    return {"body": {**tx.call.body, **shown}}


def after(tx: CallTx, state: CallState, events: Sequence[CallEvent]) -> bool:
    """Handle a forward's end. Returns whether the caller goes back to the assistant.

    If not, the call ends. An unknown outcome counts as a failure, because the leg is back.
    """
    pending, attempt = _pending(tx.call), tx.call.token_data.get("forward")
    if state.status is CallStatus.FORWARDING and attempt == pending.id:
        failed = CallEvent(
            EventKind.FORWARD_FAILED,
            at=tx.context.now(),
            key=f"forward.failed:{attempt}",
            data={"forward": attempt},
        )
        apply_events(tx, [failed])
    if pending.back:
        return True
    words = (e.data["outcome"] for e in events if e.data.get("outcome"))
    message = f"The destination was not reached: {next(words, 'no word of the carrier')}"
    request_end(tx, pending.reason, message)
    return False


def _pending(call: Call) -> PendingForward:
    if call.facts.forward is None:
        raise LookupError(f"call {call.id} is not being forwarded")
    return call.facts.forward
