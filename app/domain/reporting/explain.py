"""Why a call is as it is: the fold replayed, one event at a time. Pure: no store and no clock.

``app/domain/calls/state.py`` has the fold and its evidence table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from app.domain.calls.state import EVIDENCE, CallState, fold, weigh
from app.domain.reporting.ended_texts import told
from providers.common.json_types import JsonObject
from providers.events import CallEvent, EndedReason, EventKind

KINDS: Mapping[EventKind, str] = {
    EventKind.CREATED: "The call was created.",
    EventKind.DUE: "The time of the scheduled call came.",
    EventKind.LEG_FETCHED: "The carrier fetched the first document: a leg arrived.",
    EventKind.LEG_QUEUED: "The carrier was about to dial.",
    EventKind.LEG_RINGING: "The phone rang.",
    EventKind.LEG_ANSWERED: "The phone was answered.",
    EventKind.LEG_ENDED: "The phone leg ended.",
    EventKind.LEG_CONTINUED: "The carrier asked for the next document: the leg was up.",
    EventKind.MEDIA_STARTING: "The carrier was opening the media socket.",
    EventKind.MEDIA_CONNECTED: "The media socket opened: the assistant joined.",
    EventKind.MEDIA_STOPPED: "The carrier reported the end of the stream.",
    EventKind.MEDIA_LOST: "The media socket closed without a word.",
    EventKind.MEDIA_GONE: "The lost media socket was not attached again.",
    EventKind.MEDIA_FAILED: "The media socket never opened.",
    EventKind.REATTACHED: "The leg was attached to its assistant again.",
    EventKind.MACHINE_DETECTED: "The carrier judged who answered.",
    EventKind.QUEUE_ENTERED: "No slot was free: the leg waited.",
    EventKind.QUEUE_POSITION: "The caller heard another position in the line.",
    EventKind.QUEUE_LEFT: "The leg waited no longer.",
    EventKind.ASSISTANT_CHANGED: "One assistant handed the call to another.",
    EventKind.TAKEN_OVER: "A supervisor took the call over: the assistant was silent.",
    EventKind.GIVEN_BACK: "The supervisor's part was over: the assistant had the call again.",
    EventKind.FORWARD_STARTED: "The leg was being forwarded.",
    EventKind.FORWARD_FAILED: "The forward failed.",
    EventKind.FORWARD_ENDED: "The forward was connected, and ended.",
    EventKind.OPERATOR_DIALLED: "The carrier was asked to dial the operator.",
    EventKind.OPERATOR_RINGING: "The operator's phone rang, or was about to.",
    EventKind.OPERATOR_ANSWERED: "The operator's phone was answered.",
    EventKind.OPERATOR_TALKING: "The transfer assistant talked with the operator.",
    EventKind.OPERATOR_TALKED: "The transfer assistant had left the operator.",
    EventKind.OPERATOR_BRIEFED: "The operator had heard why the caller is transferred.",
    EventKind.OPERATOR_JOINED: "The operator was connected with the caller.",
    EventKind.OPERATOR_ENDED: "The operator's leg ended.",
    EventKind.INTENT: "Patchbay decided to end the call.",
    EventKind.TIMER: "A timer ended the call, because nothing else had.",
    EventKind.SETTLED: "The ended reason was frozen.",
    EventKind.RECORDED: "A recording was ready.",
    EventKind.RECORDING_FAILED: "The carrier has no recording.",
    EventKind.NOTE: "A note, which never changes a call.",
}
FORWARD_FETCHED = "The leg got the document of its forward."

ROWS: Sequence[str] = (
    "the reason is frozen",
    "our own decision, stored before it was carried out",
    "a verdict on who answered, with a policy to stop",
    "the end of a forward",
    "the media is gone, and the leg may live",
    "the phone leg's own end",
    "the stream is over, without a reason",
    "a timer, if there is no other evidence",
    "contradicted by another event",
)
"""What a row of the evidence table is, by its number: the lower one wins."""

NEVER_FOLDED = frozenset(
    {
        EventKind.NOTE,
        EventKind.RECORDED,
        EventKind.RECORDING_FAILED,
        EventKind.OPERATOR_DIALLED,
        EventKind.OPERATOR_RINGING,
        EventKind.OPERATOR_ANSWERED,
        EventKind.OPERATOR_TALKING,
        EventKind.OPERATOR_TALKED,
        EventKind.OPERATOR_BRIEFED,
        EventKind.OPERATOR_JOINED,
        EventKind.OPERATOR_ENDED,
    }
)
"""Kinds that change no state, whatever comes with them."""

SHOWN = {
    "status": "status",
    "ended_reason": "endedReason",
    "started_at": "startedAt",
    "ended_at": "endedAt",
    "forwarded_to": "destination",
    "lost": "mediaLost",
    "reattached": "reattached",
}
"""The parts of the state that a step shows, and their names there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and what it did."""

    event: CallEvent
    text: str
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """What it changed when it came: name -> (before, after)."""
    row: int | None = None
    """Its row of the evidence table; None: it is no evidence of an end."""
    lost_to: CallEvent | None = None
    """The evidence that decided the reason instead."""
    decides: bool = False
    why: str = ""
    """Why it did not count, or why it decided."""


def explain(
    events: Iterable[CallEvent], never_answered: frozenset[EndedReason] = frozenset()
) -> list[Step]:
    """One step for each event, in the given order, which is the order of arrival."""
    log = list(events)
    in_time = takewhile(lambda event: event.kind is not EventKind.SETTLED, log)
    winner = fold(in_time, never_answered).decided_by
    rows = weigh(log, never_answered)
    steps, seen, state, settled = list[Step](), dict[str, CallEvent](), None, False
    for event in log:
        repeated = event.key in seen
        seen.setdefault(event.key, event)
        after = state
        if not repeated and (state is None or event.kind not in NEVER_FOLDED):
            after = fold(seen.values(), never_answered)
        changed = _difference(state, after)
        row = rows.get(event.key, (None, False))[0]
        why = _why(event, row, winner, rows, repeated=repeated, settled=settled)
        lost = winner if _lost(event, row, winner) else None
        decides = winner is not None and event.key == winner.key and not repeated
        steps.append(
            Step(event, sentence(event.kind, event.data), changed, row, lost, decides, why)
        )
        state, settled = after, settled or event.kind is EventKind.SETTLED
    return steps


def sentence(kind: EventKind, data: JsonObject) -> str:
    """What has happened, by an event of this kind."""
    is_forward = kind is EventKind.REATTACHED and "forward" in data
    return FORWARD_FETCHED if is_forward else KINDS[kind]


def _difference(before: CallState | None, after: CallState | None) -> dict[str, tuple[Any, Any]]:
    pairs = {shown: (getattr(before, name, None), getattr(after, name)) for name, shown in
             SHOWN.items()} if after else {}  # fmt: skip
    return {shown: pair for shown, pair in pairs.items() if (pair[0] or None) != (pair[1] or None)}


def _lost(event: CallEvent, row: int | None, winner: CallEvent | None) -> bool:
    """Whether it is evidence that the decisive one beats."""
    beaten = row is not None and winner is not None and event.key != winner.key
    return beaten and event.kind is not EventKind.SETTLED


def _why(
    event: CallEvent,
    row: int | None,
    winner: CallEvent | None,
    rows: Mapping[str, tuple[int, bool]],
    *,
    repeated: bool,
    settled: bool,
) -> str:
    if repeated:
        return "It is a repetition: the same event came before."
    if event.kind is EventKind.SETTLED:
        return "The reason of the strongest evidence until then is final."
    if settled:
        return "It came after the reason was frozen: it is stored, and changes nothing."
    if row is None:
        return NO_EVIDENCE.get(event.kind, "") if event.kind in EVIDENCE else ""
    if winner is None or event.key == winner.key:
        return f"It decides the reason: row {row}, {ROWS[row]}."
    theirs, generic = rows.get(winner.key, (row, False))
    if theirs < row:
        return f"Row {row} ({ROWS[row]}) is weaker than row {theirs} ({ROWS[theirs]})."
    if rows[event.key][1] and not generic:
        return f"Of row {row} too, but generic: a specific event comes before it."
    return f"Of row {row} too, but later: the earlier event comes before it."


NO_EVIDENCE: Mapping[EventKind, str] = {
    EventKind.MACHINE_DETECTED: "The assistant does not end such calls.",
    EventKind.FORWARD_ENDED: "This forward had failed before.",
    EventKind.LEG_CONTINUED: "No stream had stopped, or the leg was attached again.",
    EventKind.MEDIA_STOPPED: "The leg was attached again.",
    EventKind.MEDIA_GONE: "The leg was attached again.",
    EventKind.MEDIA_FAILED: "The leg was attached again.",
}
"""Why an event of a kind of the evidence table is no evidence in this call."""


def summary(
    events: Sequence[CallEvent], never_answered: frozenset[EndedReason], reason: str | None = None
) -> dict[str, Any]:
    """The explanation as JSON. ``reason``: the one that the Call shows, if it is another."""
    state, steps = fold(events, never_answered), explain(events, never_answered)
    shown = reason or state.ended_reason
    text = told(shown)
    return {
        "status": state.status,
        "endedReason": shown,
        "sentence": text.sentence if text else None,
        "advice": (text.advice or None) if text else None,
        "settled": state.settled,
        "provisional": state.provisional,
        "decidedBy": next((_named(step.event) for step in steps if step.decides), None),
        "steps": [step_json(step) for step in steps],
    }


def step_json(step: Step) -> dict[str, Any]:
    """A step without what it does not have."""
    event = step.event
    found = {
        **_named(event),
        "reason": event.reason,
        "text": step.text,
        "changed": {name: [_text(a), _text(b)] for name, (a, b) in step.changed.items()},
        "row": step.row,
        "evidence": ROWS[step.row] if step.row is not None else None,
        "decides": step.decides or None,
        "lostTo": _named(step.lost_to) if step.lost_to else None,
        "why": step.why,
    }
    return {name: value for name, value in found.items() if value not in (None, "", {})}


def _named(event: CallEvent) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "at": _text(event.at),
        "source": event.source,
        "key": event.key,
    }


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
