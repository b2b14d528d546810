"""``artifact.transfers``: the transfers that were tried, and what came of each.

The events say which there were. The destinations are kept with the call, as they were given.
https://docs.vapi.ai/api-reference/calls/get (artifact.transfers)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.assistant import transfer_plan
from app.domain.assistant.compliance import SAID_TO_OPERATOR
from app.domain.calls.apply import Change
from app.domain.calls.record import CallTx
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, CallStatus, EventKind

FIELD = "transfers"
"""Field of a call's body, and of its artifact."""
OUTCOMES = frozenset({EventKind.FORWARD_FAILED, EventKind.FORWARD_ENDED})
OF_TRANSFERS = OUTCOMES | {EventKind.FORWARD_STARTED, EventKind.OPERATOR_JOINED}
COMPLETED, FAILED, CANCELLED, CONNECTED = "completed", "failed", "cancelled", "connected"
WORDS: Mapping[str, str] = {
    "busy": "busy",
    "no-answer": "no-answer",
    "unanswered": "no-answer",
    "timeout": "no-answer",
    "silent": "no-answer",
    "voicemail": "voicemail",
    "declined": CANCELLED,
    "too-long": CANCELLED,
    "canceled": CANCELLED,
    "cancelled": CANCELLED,
}
"""A carrier's word for a failed transfer, or ours -> Vapi's. All others are ``failed``."""


def update(change: Change) -> None:
    """Keep each transfer's destination and outcome with the call."""
    tx, log = change.tx, change.log
    known: Sequence[JsonObject] = tx.call.body.get(FIELD, ())
    started = [event for event in log if event.kind is EventKind.FORWARD_STARTED]
    over = change.state.status is CallStatus.ENDED
    shown = [
        {
            **_transfer(_destination(tx, known, number, event), _status(log, event, over=over)),
            **_words(known, number),
        }
        for number, event in enumerate(started)
    ]
    if shown != known:
        tx.update(body={**tx.call.body, FIELD: shown})


def keep_words(tx: CallTx, log: Sequence[CallEvent], forward_id: str, said: JsonObject) -> None:
    """Keep what the transfer assistant and the operator of this transfer said."""
    started = [each for each in log if each.kind is EventKind.FORWARD_STARTED]
    known: list[JsonObject] = list(tx.call.body.get(FIELD, ()))
    words = {name: said[name] for name in SAID_TO_OPERATOR if name in said}
    for number, event in enumerate(started[: len(known)]):
        if event.data.get("forward") == forward_id and words:
            known[number] = {**known[number], **words}
            tx.update(body={**tx.call.body, FIELD: known}, updated_at=tx.context.now())


def _words(known: Sequence[JsonObject], number: int) -> JsonObject:
    before: JsonObject = known[number] if number < len(known) else {}
    return {name: before[name] for name in SAID_TO_OPERATOR if name in before}


def _transfer(destination: JsonObject, status: str | None) -> JsonDict:
    mode = transfer_plan.read(destination).mode
    return {"destination": destination, "mode": mode, **({"status": status} if status else {})}


def _destination(
    tx: CallTx, known: Sequence[JsonObject], number: int, event: CallEvent
) -> JsonObject:
    """As it was given. The newest transfer is the one that the call's facts have."""
    if number < len(known):
        found: JsonObject = known[number]["destination"]
        return found
    forward = tx.call.facts.forward
    if forward is not None and forward.id == event.data["forward"]:
        return forward.destination
    told = event.data.get("destination")  # an event of an earlier version may have none
    return {"type": "number", **({"number": told} if told else {})}


def _status(log: Sequence[CallEvent], started: CallEvent, *, over: bool) -> str | None:
    """None: the transfer goes on."""
    attempt = started.data["forward"]
    of_it = [event for event in log if event.data.get("forward") == attempt]
    outcomes = [event for event in of_it if event.kind in OUTCOMES]
    if any(event.kind is EventKind.FORWARD_ENDED for event in outcomes):
        return COMPLETED
    words = [WORDS.get(str(event.data.get("outcome")), FAILED) for event in outcomes]
    if words:
        return next((word for word in words if word != FAILED), FAILED)
    if over:
        return CANCELLED
    joined = any(event.kind is EventKind.OPERATOR_JOINED for event in of_it)
    return CONNECTED if joined else None
