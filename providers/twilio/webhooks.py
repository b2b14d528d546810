"""Twilio's webhooks, translated to Reports.

Does no I/O and verifies nothing: the request was verified before. Words nobody here knows
become a note and are named in ``Report.unknown``; they are never a reason to refuse.
https://www.twilio.com/docs/voice/twiml#request-parameters
https://www.twilio.com/docs/voice/api/call-resource#statuscallbackevent
https://www.twilio.com/docs/voice/twiml/stream#statuscallback
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

from providers.base.rest import LegState
from providers.base.webhook import HookKind, Leg, Report, Visit, WebhookRequest
from providers.common import price as leg_price
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.twilio.config import FLOW_HOST, NAME
from providers.twilio.signature import REQUIRED, fields

PROGRESS: dict[str, EventKind] = {
    "queued": EventKind.LEG_QUEUED,
    "initiated": EventKind.LEG_QUEUED,  # of callbacks only; the Call resource never says it
    "ringing": EventKind.LEG_RINGING,
    "in-progress": EventKind.LEG_ANSWERED,  # what the event "answered" is delivered as
    "answered": EventKind.LEG_ANSWERED,
}

ENDS: dict[str, tuple[EndedReason, EndedReason]] = {
    # word: (of a leg Twilio dialled, of a leg that called in)
    "completed": (EndedReason.CUSTOMER_ENDED_CALL, EndedReason.CUSTOMER_ENDED_CALL),
    "busy": (EndedReason.CUSTOMER_BUSY, EndedReason.CUSTOMER_BUSY),
    # An inbound leg is not answered by us, so its caller gave up.
    "no-answer": (EndedReason.CUSTOMER_DID_NOT_ANSWER, EndedReason.CUSTOMER_ENDED_CALL),
    "canceled": (EndedReason.MANUALLY_CANCELED, EndedReason.CUSTOMER_ENDED_CALL),
    "cancelled": (
        EndedReason.MANUALLY_CANCELED,
        EndedReason.CUSTOMER_ENDED_CALL,
    ),  # once in the docs
    "failed": (
        EndedReason.TWILIO_FAILED_TO_CONNECT_CALL,
        EndedReason.TWILIO_FAILED_TO_CONNECT_CALL,
    ),
}
GENERIC_END = "completed"
"""Says that the leg is over, not why."""

STREAM_EVENTS: dict[str, EventKind] = {
    # The socket itself is the proof of both; these may overtake it.
    "stream-started": EventKind.NOTE,
    "stream-stopped": EventKind.NOTE,
    # Also sent when we close the socket on purpose (31921): counts only if it was never open.
    "stream-error": EventKind.MEDIA_FAILED,
}

MACHINE: dict[str, bool] = {
    "human": False,
    "unknown": False,  # nobody is hung up on for a doubt
    "machine_start": True,
    "machine_end_beep": True,
    "machine_end_silence": True,
    "machine_end_other": True,
    "fax": True,
}

FORWARD_ENDED = frozenset({"completed", "answered"})  # "answered" is said of conferences
FORWARD_FAILED = frozenset({"busy", "no-answer", "failed", "canceled", "cancelled"})

DATA: dict[str, tuple[str, Callable[[str], Any]]] = {
    # Twilio's name: (ours, type)
    "CallDuration": ("durationSeconds", int),
    "Duration": ("billedMinutes", int),  # minutes, in spite of the name
    "SipResponseCode": ("sipCode", int),
    "AnsweredBy": ("answeredBy", str),
    "MachineDetectionDuration": ("detectionMilliseconds", int),
    "ForwardedFrom": ("forwardedFrom", str),
    "CallerName": ("callerName", str),
    "StirVerstat": ("stirVerstat", str),
    "StirStatus": ("stirStatus", str),
    "ErrorCode": ("errorCode", str),  # on a fallback URL
    "ErrorUrl": ("errorUrl", str),
    "StreamSid": ("streamRef", str),
    "StreamEvent": ("streamEvent", str),
    "StreamError": ("error", str),
    "DialCallSid": ("forwardLegRef", str),
    "DialCallStatus": ("outcome", str),
    "DialCallDuration": ("forwardSeconds", int),
    "DialSipResponseCode": ("forwardSipCode", int),
    "RecordingSid": ("recordingRef", str),
    "RecordingUrl": ("recordingUrl", str),
    "RecordingStatus": ("recordingStatus", str),
    "RecordingDuration": ("recordingSeconds", int),
    "RecordingChannels": ("recordingChannels", int),
    "RecordingSource": ("recordingSource", str),
    "RecordingTrack": ("recordingTrack", str),
    "RecordingStartTime": ("recordingStartedAt", str),
}

RECORDING_STATUSES: Mapping[str, EventKind] = {
    "in-progress": EventKind.NOTE,
    "completed": EventKind.RECORDED,
    "absent": EventKind.RECORDING_FAILED,  # too short, or silent throughout
    "failed": EventKind.RECORDING_FAILED,
}
"""https://www.twilio.com/docs/voice/api/recording#recordingstatuscallback"""

KEY_FIELDS = (
    "CallSid",
    "CallbackSource",
    "SequenceNumber",
    "CallStatus",
    "StreamSid",
    "StreamEvent",
    "Timestamp",
    "DialCallSid",
    "RecordingSid",
    "RecordingStatus",
)
IDEMPOTENCY = "i-twilio-idempotency-token"
"""Equal on Twilio's own retries of one request, other on the next one."""

_TOKEN = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_FLOW = re.compile(r"FW[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_METADATA = "metadata."
_STREAM_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class _Hit:
    """One request, taken apart once."""

    hook: HookKind
    request: WebhookRequest
    values: Mapping[str, str]
    """Twilio's parameters. On GET ours stand among them."""
    leg: Leg

    def event(self, kind: EventKind, *, key: str | None = None, **more: Any) -> CallEvent:
        data = {**_data(self.values), **more.pop("data", {})}
        return CallEvent(
            kind=kind,
            at=_at(self),
            key=key or _key(self),
            source=NAME,
            sequence=_number(self.values.get("SequenceNumber", "")),
            data=data,
            raw=dict(self.values),
            **more,
        )

    def word(self, name: str) -> str:
        """A parameter this hook cannot be without."""
        if not (word := self.values.get(name)):
            raise BadRequest(f"Twilio's {self.hook} request has no {name}")
        return word


def parse(hook: HookKind, request: WebhookRequest) -> Report:
    """A verified request in our words.

    Progress of a child leg (``ParentCallSid``: what ``<Dial>`` rang) leads to its parent's call,
    whose own leg it is not - unless it is the leg that was lent to us. Raises ``BadRequest``.
    """
    values = _values(request)
    leg = _leg(values)
    if hook not in _ASKED_OF_THE_LEG and (parent := values.get("ParentCallSid")):
        leg = replace(leg, call_ref=parent)
    hit = _Hit(hook, request, values, leg)
    if hook not in _READERS:
        raise BadRequest(f"Twilio has no {hook} request")
    report = _READERS[hook](hit)
    return _with_verdict(hit, report)


# ------------------------------------------------------------------ a reader per hook


def _read_arrival(hit: _Hit) -> Report:
    event = hit.event(EventKind.LEG_FETCHED)
    return Report(hit.leg, (event,), asks=True, visit=_visit(hit))


def _read_status(hit: _Hit) -> Report:
    word = hit.word("CallStatus")
    if word in ENDS:
        return Report(hit.leg, (_end(hit, word),))
    known = word in PROGRESS
    event = hit.event(PROGRESS.get(word, EventKind.NOTE))
    return Report(hit.leg, (event,), unknown=() if known else (word,))


def _read_stream(hit: _Hit) -> Report:
    word = hit.word("StreamEvent")
    kind = STREAM_EVENTS.get(word, EventKind.NOTE)
    failed = kind is EventKind.MEDIA_FAILED
    event = hit.event(
        kind,
        reason=EndedReason.ASSISTANT_JOIN_TIMED_OUT if failed else None,
        stream=_stream(hit.values.get("StreamName", "")),
    )
    return Report(hit.leg, (event,), unknown=() if word in STREAM_EVENTS else (word,))


def _stream(name: str) -> str | None:
    """The name our markup gave it; a stream of the flow's owner has another."""
    return name if _STREAM_NAME.fullmatch(name) else None


def _read_continue(hit: _Hit) -> Report:
    """The verb after ``</Connect>``; asked of a leg that is over, too, when the caller left first."""
    word = hit.values.get("CallStatus", "")
    event = _end(hit, word) if word in ENDS else hit.event(EventKind.LEG_CONTINUED)
    unknown = (word,) if word and word not in ENDS and word not in PROGRESS else ()
    return Report(hit.leg, (event,), asks=True, unknown=unknown)


def _read_machine(hit: _Hit) -> Report:
    hit.word("AnsweredBy")
    return Report(hit.leg)


def _read_forward(hit: _Hit) -> Report:
    """``<Dial>`` is over. The caller may have left meanwhile: then both are told."""
    word = hit.word("DialCallStatus")
    if word in FORWARD_ENDED:
        event = hit.event(EventKind.FORWARD_ENDED, reason=EndedReason.ASSISTANT_FORWARDED_CALL)
    else:
        event = hit.event(EventKind.FORWARD_FAILED if word in FORWARD_FAILED else EventKind.NOTE)
    status = hit.values.get("CallStatus", "")
    over = (_end(hit, status, key=f"{event.key}:leg"),) if status in ENDS else ()
    unknown = () if word in FORWARD_ENDED | FORWARD_FAILED else (word,)
    return Report(hit.leg, (event, *over), asks=True, unknown=unknown)


def _read_recording(hit: _Hit) -> Report:
    word = hit.values.get("RecordingStatus", "")
    event = hit.event(RECORDING_STATUSES.get(word, EventKind.NOTE))
    return Report(hit.leg, (event,), unknown=() if word in RECORDING_STATUSES else (word,))


_READERS: dict[HookKind, Callable[[_Hit], Report]] = {
    HookKind.ARRIVE: _read_arrival,
    HookKind.FETCH: _read_arrival,
    HookKind.STATUS: _read_status,
    HookKind.STREAM: _read_stream,
    HookKind.CONTINUE: _read_continue,
    HookKind.MACHINE: _read_machine,
    HookKind.FORWARD: _read_forward,
    HookKind.RECORDING: _read_recording,
}
_ASKED_OF_THE_LEG = frozenset(
    {HookKind.ARRIVE, HookKind.FETCH, HookKind.CONTINUE, HookKind.FORWARD}
)
"""Markup is asked for by the leg itself, whosever child it is."""


def _end(hit: _Hit, word: str, *, key: str | None = None) -> CallEvent:
    return hit.event(EventKind.LEG_ENDED, key=key, **_meaning(word, bool(hit.leg.inbound)))


def _meaning(word: str, inbound: bool) -> dict[str, Any]:
    """The reasons of an end, as fields of an event."""
    dialled, called_in = ENDS[word]
    generic = word == GENERIC_END
    unanswered = EndedReason.CUSTOMER_ENDED_CALL if inbound else EndedReason.UNKNOWN_ERROR
    return {
        "reason": called_in if inbound else dialled,
        "unanswered_reason": unanswered if generic else None,
        "generic": generic,
    }


def _with_verdict(hit: _Hit, report: Report) -> Report:
    """AMD's verdict comes by itself, or with any later request of the leg: one event, by its key."""
    if not (verdict := hit.values.get("AnsweredBy")):
        return report
    machine = MACHINE.get(verdict, False)
    event = hit.event(
        EventKind.MACHINE_DETECTED, key=f"machine:{verdict}", data={"machine": machine}
    )
    unknown = () if verdict in MACHINE else (verdict,)
    return replace(report, events=(*report.events, event), unknown=(*report.unknown, *unknown))


# ------------------------------------------------------------------ the Call resource

RESOURCE_FIELDS = (
    "sid",
    "status",
    "direction",
    "from",
    "to",
    "start_time",
    "end_time",
    "duration",
    "price",
    "price_unit",
)
"""What is read of it. https://www.twilio.com/docs/voice/api/call-resource#call-properties"""


def state(resource: Mapping[str, Any], now: datetime) -> LegState:
    """The resource as the callbacks that would have told it. Times are aware datetimes or None.

    ``completed`` is said of answered calls only, so the answer is told with it.
    """
    word, inbound = str(resource["status"]), resource["direction"] == "inbound"
    sid = str(resource["sid"])
    leg = Leg(sid, sid, resource["from"] or None, resource["to"] or None, inbound)
    answered = "in-progress" if word == GENERIC_END else word
    raw = {name: str(resource[name]) for name in RESOURCE_FIELDS if resource[name] is not None}
    seconds = _number(str(resource["duration"] or ""))

    def event(kind: EventKind, at: datetime | None, **more: Any) -> CallEvent:
        key = f"reconciled:{kind}"
        return CallEvent(kind, at or now, key, source=NAME, raw=raw, **more)

    events = []
    if answered in PROGRESS:
        events.append(event(PROGRESS[answered], resource["start_time"]))
    if word in ENDS:
        data = _price(resource) | ({} if seconds is None else {"durationSeconds": seconds})
        end = event(EventKind.LEG_ENDED, resource["end_time"], data=data, **_meaning(word, inbound))
        events.append(end)
    return LegState(leg, word, tuple(events))


def _price(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Null at first; what is charged is negative."""
    amount = leg_price.amount(resource["price"])
    return leg_price.fact(
        None if amount is None else -amount, resource["price_unit"], resource["sid"]
    )


# ------------------------------------------------------------------ the parts of a request


def _values(request: WebhookRequest) -> dict[str, str]:
    """Twilio's parameters. NUL cannot be stored as text by every database and means nothing."""
    try:
        pairs = fields(request)
    except ValueError as error:
        raise BadRequest(f"not a request of Twilio's: {error}") from error
    values = {name.replace("\0", "\ufffd"): value.replace("\0", "\ufffd") for name, value in pairs}
    if len(values) != len(pairs):
        raise BadRequest("a parameter is repeated, which Twilio does not do")
    return values


def _leg(values: Mapping[str, str]) -> Leg:
    """Numbers as they come: E.164, ``client:...``, a SIP URI, or a word like ``anonymous``."""
    for name, shape in REQUIRED.items():
        if not shape.fullmatch(values.get(name, "")):
            raise BadRequest(f"Twilio's {name} is missing or malformed")
    sid, direction = values["CallSid"], values.get("Direction")
    return Leg(
        call_ref=sid,
        leg_ref=sid,
        from_=values.get("From") or None,
        to=values.get("To") or None,
        inbound=direction == "inbound" if direction else None,
    )


def _visit(hit: _Hit) -> Visit:
    """What our own query asks for. On POST it is the URL's query only, never the body."""
    try:
        pairs = parse_qsl(hit.request.query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise BadRequest("the URL's query is not UTF-8") from error
    ours = dict(pairs)
    if len(ours) != len(pairs):
        raise BadRequest("a parameter of the URL is repeated")
    metadata = {
        name.removeprefix(_METADATA): value
        for name, value in ours.items()
        if name.startswith(_METADATA) and name != _METADATA
    }
    return Visit(
        assistant_id=ours.get("assistantId") or None,
        return_url=_return_url(ours, hit.values["AccountSid"]),
        metadata=metadata,
        delivery=hit.request.header(IDEMPOTENCY) or None,
    )


def _return_url(ours: Mapping[str, str], account_sid: str) -> str | None:
    """``flow`` is short for the address of that Studio flow: Twilio tells the account, not the flow.

    https://www.twilio.com/docs/studio/widget-library/twiml-redirect
    """
    flow, url = ours.get("flow"), ours.get("returnUrl")
    if not flow:
        return url or None
    if url:
        raise BadRequest("flow and returnUrl both say where the leg returns to: give one")
    if not _FLOW.fullmatch(flow):
        raise BadRequest("flow must be FW and 32 hexadecimal digits: use {{flow.flow_sid}}")
    return f"https://{FLOW_HOST}/v1/Accounts/{account_sid}/Flows/{flow}?FlowEvent=return"


def _data(values: Mapping[str, str]) -> dict[str, Any]:
    """Facts in our words; a number that is none is left to ``raw``."""
    data: dict[str, Any] = {}
    for name, (ours, kind) in DATA.items():
        value = values.get(name)
        if value and (number := _number(value) if kind is int else value) is not None:
            data[ours] = number
    if "DialBridged" in values:
        data["bridged"] = values["DialBridged"] == "true"
    return data


def _at(hit: _Hit) -> datetime:
    """Twilio's own time: RFC 2822 of calls, ISO 8601 of streams. What is neither: when it came."""
    text = hit.values.get("Timestamp", "")
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return hit.request.received_at


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _key(hit: _Hit) -> str:
    """The event's key: equal for every delivery of one request, other for the next.

    Twilio's own token says it where it is sent. Without it: a digest of what tells requests
    apart. The verb after the stream has nothing of that sort, so the URL is in the digest too:
    a leg that goes past two streams is told apart when their URLs differ.
    """
    given = hit.request.header(IDEMPOTENCY) or ""
    if _TOKEN.fullmatch(given):
        return f"token:{given}:{hit.hook}"
    parts = [hit.hook, hit.request.url, *(hit.values.get(name) for name in KEY_FIELDS)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
