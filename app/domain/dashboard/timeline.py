"""A call's events as a person reads them: the carrier's request, our answer, and the gaps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.dom import minidom

from app.domain.calls import answers
from app.domain.calls.record import Call
from app.domain.calls.redaction import redacted
from app.domain.context import Context
from app.domain.dashboard.timeline_texts import GAPS, LONG_SECONDS
from app.domain.reporting.explain import KINDS, Step, sentence
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EventKind

LATE_SECONDS = 3.0
"""An event that came so long after its own time is told to be late."""
CLEARED = "It was another document than usual; its words are cleared by now."


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a call, in the words of its page."""

    at: str
    offset: float
    """Seconds since the call was created."""
    kind: str
    title: str
    source: str
    is_carriers: bool
    reason: str
    gap: str
    """What the time since the event before means; empty for a short one."""
    late: str
    request: str
    """The carrier's own words, as JSON."""
    facts: str
    """What we made of them, as JSON."""
    answer: str
    """Our document; empty: the request was acknowledged without one."""
    answer_type: str
    changed: list[str]
    """What it changed, as ``status: ringing → in-progress``."""
    why: str
    """Why it decided the reason, or why it did not."""
    decides: bool
    lost_to: str
    """What the evidence that decided instead says."""


def timeline(
    context: Context, call: Call, log: Sequence[JsonObject], steps: Iterable[Step]
) -> list[Entry]:
    """``log`` as the API lists a call's events. It is shown in the order of arrival."""
    effects = {step.event.key: step for step in steps}
    known = answers.requests(log)
    shown = [each for each in log if not answers.is_answer(each)]
    found: list[Entry] = []
    before: JsonObject | None = None
    meaning = ""
    for each in shown:
        silence = gap(before, meaning, each) if before else ""
        found.append(_entry(context, call, each, silence, known, effects[each["key"]]))
        before = each
        meaning = meaning if each["kind"] == EventKind.NOTE else each["kind"]
    return found


def _entry(
    context: Context,
    call: Call,
    event: JsonObject,
    silence: str,
    known: Mapping[str, list[JsonDict]],
    step: Step,
) -> Entry:
    parts = known.get(event["key"])
    text, kind = _document(context, call, event, parts) if parts is not None else ("", "")
    return Entry(
        at=event["at"],
        offset=max(0.0, (_time(event["receivedAt"]) - call.created_at).total_seconds()),
        kind=event["kind"],
        title=_title(event),
        source=event["source"],
        is_carriers=event["source"] == call.provider,
        reason=event.get("reason", ""),
        gap=silence,
        late=_late(event),
        request=pretty(event.get("raw")),
        facts=pretty(event.get("data")),
        answer=text,
        answer_type=kind,
        changed=[f"{name}: {_word(a)} → {_word(b)}" for name, (a, b) in step.changed.items()],
        why=step.why,
        decides=step.decides,
        lost_to=KINDS[step.lost_to.kind] if step.lost_to else "",
    )


def _document(
    context: Context, call: Call, event: JsonObject, parts: list[JsonDict]
) -> tuple[str, str]:
    if not parts:
        return CLEARED, ""
    try:
        made = answers.document(context, call, event, parts)
    except (ValueError, KeyError, TypeError):  # stored by a version with other fields
        return pretty(parts), "application/json"
    text = made.body.decode()
    if made.content_type.startswith("application/json"):
        text = pretty(json.loads(text))
    elif "xml" in made.content_type:
        text = minidom.parseString(text).toprettyxml(indent="  ")  # noqa: S318 - our own markup
    return text, made.content_type


def _word(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%H:%M:%S}"
    return str(value or "nothing")


def _title(event: JsonObject) -> str:
    data = event.get("data", {})
    if event["kind"] == EventKind.NOTE and "price" in data:
        return "The carrier told its price."
    if event["kind"] == EventKind.NOTE and (word := data.get("note") or data.get("what")):
        return f"A note, which changes nothing: {word}."
    if event["kind"] == EventKind.NOTE and "was" in data:
        return f"About another leg than the call's own ({data['was']})."
    return sentence(EventKind(event["kind"]), data)


def gap(before: JsonObject, meaning: str, event: JsonObject) -> str:
    """What the time between two events means; empty for a short one.

    ``meaning``: the kind of the last event that is no note.
    """
    seconds = (_time(event["receivedAt"]) - _time(before["receivedAt"])).total_seconds()
    if seconds < LONG_SECONDS:
        return ""
    pairs = ((meaning, event["kind"]), (meaning, None), (None, event["kind"]))
    told = next((GAPS[pair] for pair in pairs if pair in GAPS), "nothing was reported.")
    return f"{seconds:.1f} s: {told}"


def _late(event: JsonObject) -> str:
    seconds = (_time(event["receivedAt"]) - _time(event["at"])).total_seconds()
    own_time = event["kind"] != EventKind.SETTLED  # its time is that of the end
    if seconds < LATE_SECONDS or not own_time:
        return ""
    return f"It came {seconds:.1f} s after its own time."


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pretty(value: object) -> str:
    """JSON for people, without secrets."""
    return json.dumps(redacted(value), ensure_ascii=False, indent=2) if value else ""
