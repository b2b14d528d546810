"""A leg that no assistant answers: forward it to the fallback destination, or end its call."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from app.domain.calls import instructions, variables
from app.domain.calls.apply import request_end, state_of
from app.domain.calls.record import Call, CallTx
from app.domain.legs import transfer
from providers.base.instructions import Instruction, Say
from providers.events import CallStatus, EndedReason

log = logging.getLogger(__name__)

MAX_ID = 100
"""Characters of an id that is told: no stored one is longer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no assistant. ``spoken`` is the server's text for the caller."""

    reason: EndedReason
    message: str | None = None
    spoken: str | None = None


def not_found(asked_for: str) -> Refusal:
    """``asked_for``: the id, as the flow or the server gave it."""
    message = f"assistantId {asked_for[:MAX_ID]} does not exist"
    return Refusal(EndedReason.ASSISTANT_NOT_FOUND, message)


def end_call(tx: CallTx, refusal: Refusal) -> None:
    """End the call for this reason, or forward it to the number's fallback destination.

    A call with a ``spoken`` text is not forwarded, because that reply of the server is no failure.
    """
    log.warning("call %s: %s: %s", tx.call.id, refusal.reason, refusal.message or "no word of why")
    fallback, message = tx.call.facts.phone_number.get("fallbackDestination"), refusal.message
    if fallback and refusal.spoken is None:
        destination = variables.filled(tx.context, tx.call, fallback)
        problem = transfer.begin(tx, destination, reason=refusal.reason, assisted=False)
        if problem is None:
            return
        message = "; ".join(filter(None, (message, f"fallbackDestination: {problem}")))
    if refusal.spoken:
        spoken = variables.filled_text(tx.context, tx.call, refusal.spoken)
        tx.update(facts=tx.call.facts._replace(spoken=spoken))
    request_end(tx, refusal.reason, message)


def farewell(call: Call) -> list[Instruction]:
    """The instructions for the leg of an ended call, the same for each request."""
    spoken = call.facts.spoken
    return [*([Say(spoken)] if spoken else []), *instructions.return_leg(call)]


def fallback(tx: CallTx) -> list[Instruction]:
    """The instructions for the leg after ``end_call``."""
    state = state_of(tx)
    if state.status is CallStatus.FORWARDING:
        return transfer.hand_over(tx, state)
    return farewell(tx.call)
