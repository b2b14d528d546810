"""A leg is here and no assistant answers it: the number's fallback destination, or goodbye."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.calls import instructions
from app.domain.calls.apply import request_end, state_of
from app.domain.calls.record import Call, CallTx
from app.domain.legs import transfer
from providers.base.instructions import Instruction, Say
from providers.events import CallStatus, EndedReason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no assistant. ``spoken``: what the caller is told, by the server's wish."""

    reason: EndedReason
    message: str | None = None
    spoken: str | None = None


def end_call(tx: CallTx, refusal: Refusal) -> None:
    """End the call for this reason; or forward it first, where the number says where to.

    What the server wants said is no failure, so nothing else is tried then.
    """
    fallback, message = tx.call.facts.phone_number.get("fallbackDestination"), refusal.message
    if fallback and refusal.spoken is None:
        problem = transfer.begin(tx, fallback, reason=refusal.reason, assisted=False)
        if problem is None:
            return
        message = "; ".join(filter(None, (message, f"fallbackDestination: {problem}")))
    if refusal.spoken:
        tx.update(facts=replace(tx.call.facts, spoken=refusal.spoken))
    request_end(tx, refusal.reason, message)


def farewell(call: Call) -> list[Instruction]:
    """What the leg of a call that is over is told, however often it asks."""
    spoken = call.facts.spoken
    return [*([Say(spoken)] if spoken else []), *instructions.return_leg(call)]


def fallback(tx: CallTx) -> list[Instruction]:
    """After ``end_call``: where the leg goes."""
    state = state_of(tx)
    if state.status is CallStatus.FORWARDING:
        return transfer.hand_over(tx, state)
    return farewell(tx.call)
