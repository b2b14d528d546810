"""Connecting a call's leg to somebody else, and what becomes of the call then.

The forward is an event that is committed first. Then the media socket is closed, the carrier
asks what now, and is told the destination. Its outcome ends the call, or the caller is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.calls import instructions
from app.domain.calls.apply import apply_events, request_end, state_of
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.calls.state import CallState
from app.domain.context import new_id
from app.domain.errors import Invalid
from app.domain.legs import destinations
from app.domain.reporting import server_messages
from app.store import calls
from app.store.vault import digest, new_token
from providers.base.instructions import Forward, Instruction, Say
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

MAX_FORWARDS = 3
"""Attempts per call, failed ones included."""


def transfer(tx: CallTx, destination: JsonObject, content: str | None) -> None:
    """The assistant's side forwards a call it is in. Raises ``Invalid``."""
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
    """Decide to forward; or the sentence that says why not, and nothing has happened.

    ``reason``: why the call ended, once the destination was reached (or the caller cannot come
    back: ``assisted`` is false where no assistant waits for it). ``message`` is spoken first.
    """
    state = state_of(tx)
    problem = destinations.problem(tx, destination)
    if problem or state.forwards >= MAX_FORWARDS:
        return problem or f"a call is forwarded {MAX_FORWARDS} times at most"
    attempt = new_id()
    pending = PendingForward(
        id=attempt,
        destination=dict(destination),
        message=message if message is not None else destination.get("message"),
        reason=reason,
        back=assisted and destination.get("onFailure") != "end",
    )
    event = CallEvent(
        EventKind.FORWARD_STARTED,
        at=tx.context.now(),
        key=f"forward.started:{attempt}",
        data={"forward": attempt, "destination": destinations.address(destination)},
    )
    apply_events(tx, [event], {"facts": replace(tx.call.facts, forward=pending)})
    return None


def hand_over(tx: CallTx, state: CallState, question: CallEvent | None = None) -> list[Instruction]:
    """What the carrier is told when it asks; asked again, the same with another token.

    From here on the media socket the caller came from is replaced: its late reports end nothing.
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
    said = [Say(pending.message)] if pending.message else []
    return [*said, _instruction(tx, pending)]


def _instruction(tx: CallTx, pending: PendingForward) -> Forward:
    token, destination = new_token(), pending.destination
    values = {
        "digest": digest(token),
        "call_id": tx.call.id,
        "purpose": instructions.CALLBACK,
        "data": {"forward": pending.id},
        "created_at": tx.context.now(),
        "expires_at": None,
    }
    calls.insert_tokens(tx.conn, [values])
    provider = tx.carrier
    extension = destination.get("extension")
    return Forward(
        destinations.address(destination),
        instructions.hook_url(tx.context, provider, HookKind.FORWARD, token),
        caller_id=destination.get("callerId") or tx.call.facts.number,
        extension=destinations.keys(extension) if extension else None,
        max_duration=tx.context.settings.max_forward_seconds,
    )


def name_forward(tx: CallTx, event: CallEvent) -> CallEvent:
    """An outcome with the forward it is of: the URL's token knows it, the carrier does not.

    One whose token is of no forward is a note.
    """
    attempt, pending = tx.call.token_data.get("forward"), tx.call.facts.forward
    reason = pending.reason if pending and attempt and pending.id == attempt else None
    if attempt is None:
        was = {**event.data, "was": str(event.kind)}
        return replace(event, kind=EventKind.NOTE, reason=None, data=was)
    told = {**event.data, "forward": attempt}
    ended = event.kind is EventKind.FORWARD_ENDED
    return replace(event, data=told, reason=(reason or event.reason) if ended else event.reason)


def show_destination(tx: CallTx, event: CallEvent) -> Changes:
    """What changes because a destination was reached: where the call ended up."""
    pending = tx.call.facts.forward
    if (
        pending is None
        or event.data["forward"] != pending.id
        or tx.call.settled_at
        or not state_of(tx).forwarded_to
    ):
        return {}
    destination = pending.destination
    number = destination.get("number") if destination["type"] == "number" else None
    shown = {"destination": destination, **({"forwardedPhoneNumber": number} if number else {})}
    return {"body": {**tx.call.body, **shown}}


def after(tx: CallTx, state: CallState, events: Sequence[CallEvent]) -> bool:
    """A forward is over and its call is not. Whether the caller goes back to the assistant.

    If not, the call has ended by this. A word nobody knows counts as a failure: the leg is here.
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
