"""The text of a server message, from the facts of its event and the call's row.

The event's transaction stores the facts. They are the content of the type, and those fields of the
call that its events change. The text is made at the first attempt, with the call's other fields as
of then. It is stored with that attempt.
"""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter

from app.domain.calls.record import Call, copy_of
from app.domain.context import Context
from app.domain.reporting.call_json import call_json
from providers.common import json_text
from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallStatus

END_OF_CALL_REPORT = "end-of-call-report"
TALK = ("messages", "transcript", "artifact")
"""Fields of a Call that grow during the call."""
EPHEMERAL = frozenset(
    {"conversation-update", "hang", "model-output", "speech-update", "user-interrupted"}
)
"""Ephemeral types: the next message supersedes one, so each is sent once and never retried."""
AS_THEY_WERE = ("type", "provider_call_id", "ended_reason")
TIMES = ("started_at", "ended_at", "updated_at")
"""With the status, the columns of a call that its events change."""
_as_they_were, _times = attrgetter(*AS_THEY_WERE), attrgetter(*TIMES)
REPORTED = (
    "startedAt",
    "endedAt",
    "endedReason",
    "cost",
    "costBreakdown",
    "costs",
    "recordingUrl",
    "stereoRecordingUrl",
    "customerRecordingUrl",
    "assistantRecordingUrl",
    "destination",
)
"""Fields of the Call that the report repeats, if they are known."""


def facts(call: Call, extra: JsonObject, status: CallStatus) -> JsonDict:
    """What a message's row keeps. ``extra``: the fields of its type."""
    columns = zip(AS_THEY_WERE, _as_they_were(call), strict=True)
    times = [at and at.isoformat() for at in _times(call)]
    then = {"status": status, **dict(columns), **dict(zip(TIMES, times, strict=True))}
    return {"extra": extra, "call": then}


def body(context: Context, call: Call, row: JsonObject) -> JsonDict:
    """The body of a stored message: the one that was sent, or else the one that would be now."""
    if row["body"]:
        return dict(json_text.loads(row["body"]))
    extra, then = row["facts"]["extra"], _at_event(call, row["facts"]["call"])
    shown = _shown(context, then)
    if row["type"] == END_OF_CALL_REPORT:
        extra = {**_report(then, shown), **extra}
    return {"message": _message(context, then, row["type"], extra, shown, row["created_at"])}


def text(context: Context, call: Call, row: JsonObject) -> str:
    """The same as it is sent. Byte for byte the same at each attempt after the first."""
    return str(row["body"]) or json_text.dumps(body(context, call, row))


def _at_event(call: Call, then: JsonObject) -> Call:
    """The call as it was at the message's event."""
    was = copy_of(call)
    was.status = CallStatus(then["status"])
    for name in AS_THEY_WERE:
        setattr(was, name, then[name])
    for name in TIMES:
        setattr(was, name, then[name] and datetime.fromisoformat(then[name]))
    return was


def is_ephemeral(kind: str, extra: JsonObject) -> bool:
    """Whether the next message supersedes this one. That includes partial transcripts."""
    return kind in EPHEMERAL or extra.get("transcriptType") == "partial"


def message(
    context: Context, call: Call, kind: str, extra: JsonObject, at: datetime | None = None
) -> JsonDict:
    """The ``message`` of a body. Vapi sends the state at creation; ``at``: when that was.

    An ephemeral message omits the conversation so far, unless the conversation is its content.
    """
    return _message(context, call, kind, extra, _shown(context, call), at)


def _shown(context: Context, call: Call) -> JsonDict:
    return call_json(context, call, context.settings.recording_url_seconds)


def _message(
    context: Context,
    call: Call,
    kind: str,
    extra: JsonObject,
    shown: JsonDict,
    at: datetime | None,
) -> JsonDict:
    """``shown``: the call as JSON, which the message has afterwards."""
    details = shown.get("phoneCallProviderDetails")
    if details:  # its markup holds tokens that only the carrier may see
        shown["phoneCallProviderDetails"] = {n: details[n] for n in ("to", "from") if n in details}
    artifact: JsonDict | None = {
        "messages": [],
        "messagesOpenAIFormatted": [],
        **shown.get("artifact", {}),
    }
    if is_ephemeral(kind, extra):  # many a minute, so they stay small
        shown = {name: value for name, value in shown.items() if name not in TALK}
        artifact = None
    common = {
        "type": kind,
        "timestamp": int((at or context.now()).timestamp() * 1000),
        "call": shown,
        "phoneNumber": call.facts.phone_number,
        "customer": call.facts.customer,
        "assistant": _assistant(call),
        "artifact": artifact,
    }
    return {**{n: v for n, v in common.items() if v is not None}, **extra}


def _assistant(call: Call) -> JsonObject | None:
    """The assistant as it was used, with the id of the stored one that it comes from."""
    used = call.facts.assistant.json
    known = call.active_assistant_id
    return {"id": known, **used} if known else used


def _report(call: Call, shown: JsonObject) -> JsonDict:
    duration = (
        (call.ended_at - call.started_at).total_seconds()
        if call.started_at and call.ended_at
        else 0.0
    )
    return {
        **{name: shown[name] for name in REPORTED if name in shown},
        "endedReason": call.ended_reason,
        "durationSeconds": round(duration, 3),
        "durationMinutes": round(duration / 60, 4),
        "durationMs": round(duration * 1000),
        "messages": shown.get("messages", []),
        "transcript": shown.get("transcript", ""),
        "summary": shown.get("summary", ""),
        "analysis": shown.get("analysis", {}),
    }
