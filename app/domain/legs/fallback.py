"""What the assistant learns about a transfer that failed, before it has its caller back.

``transferPlan.fallbackPlan`` says what the caller hears, and whether the call then ends.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant import transfer_plan
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import CallTx
from app.domain.legs import destinations
from app.domain.live import control
from providers.common.json_types import JsonDict

HAPPENED: Mapping[str, str] = {
    "busy": "the line was busy",
    "no-answer": "nobody answered",
    "unanswered": "nobody answered",
    "timeout": "nobody answered",
    "voicemail": "an answering machine answered",
    "rejected": "the call was rejected",
    "completed": "the other party hung up",
    "declined": "the other party did not take the call",
    "silent": "the other party said nothing",
    "too-long": "the other party did not agree in time",
}
"""A carrier's word, or ours, for a failed transfer -> the clause that the assistant reads."""
OTHERWISE = "the call could not be connected"
DEFAULT = "I am sorry, I could not reach anybody."
"""The caller hears this where a plan ends the call without words of its own."""


def tell(tx: CallTx, pending: PendingForward, outcome: str, why: str = "") -> None:
    """Store the commands for the assistant: what has happened, and what to say.

    ``why``: the reason that the operator gave.
    """
    plan = transfer_plan.read(pending.destination).fallback
    happened = HAPPENED.get(outcome, OTHERWISE)
    place = destinations.address(pending.destination)
    reason = f" The reason given: {why}" if why else ""
    told = f"The transfer to {place} failed: {happened}.{reason} The caller is back with you."
    added: JsonDict = {
        "type": "add-message",
        "message": {"role": "system", "content": told},
        "triggerResponseEnabled": plan is None,
    }
    if plan is None:
        control.instruct(tx, added)
        return
    said = {"type": "say", "content": plan.message or DEFAULT, "endCallAfterSpoken": plan.ends_call}
    control.instruct(tx, added, said)
