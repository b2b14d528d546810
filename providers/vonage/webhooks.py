"""Vonage's webhooks, translated to Reports. Does no I/O; the request was verified before.

Vonage speaks in legs: the phone is one, our media socket another, a forward a third, all in one
conversation. Which leg a status is about decides what it means; ``to`` or the URL tells.
Order is not guaranteed and repeats occur: every event carries Vonage's own time.
https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from providers.base.instructions import stream_id
from providers.base.rest import LegState
from providers.base.webhook import HookKind, Leg, Report, Visit, WebhookRequest
from providers.common import foreign_json
from providers.common import price as leg_price
from providers.common.e164 import EITHER
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.vonage.config import API_HOST, NAME


@dataclass(frozen=True, slots=True)
class Row:
    """What one status word means: the kind of event, its reason, whether Vonage waits for an NCCO."""

    kind: EventKind
    reason: EndedReason | None = None
    asks: bool = False


PHONE: Mapping[str, Row] = {
    "started": Row(EventKind.LEG_QUEUED),
    "ringing": Row(EventKind.LEG_RINGING),
    "answered": Row(EventKind.LEG_ANSWERED),
    "busy": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_BUSY),
    "timeout": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_DID_NOT_ANSWER),
    "unanswered": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_DID_NOT_ANSWER),
    "cancelled": Row(EventKind.LEG_ENDED, EndedReason.MANUALLY_CANCELED),
    # The only end after which no "completed" comes.
    "rejected": Row(EventKind.LEG_ENDED, EndedReason.VONAGE_REJECTED),
    "failed": Row(EventKind.LEG_ENDED, EndedReason.VONAGE_FAILED_TO_CONNECT_CALL),
}
"""The phone leg's words; "completed" is worked out below."""

PHONE_INBOUND: Mapping[str, Row] = {
    **PHONE,
    "started": Row(EventKind.LEG_RINGING),
    "cancelled": Row(EventKind.LEG_ENDED, EndedReason.CUSTOMER_ENDED_CALL),
}
"""Inbound, the customer is the one who rings and may give up."""

DISCONNECTED_BY: Mapping[str, EndedReason] = {
    "user": EndedReason.CUSTOMER_ENDED_CALL,
    "platform": EndedReason.VONAGE_DISCONNECTED,
}
"""Who ended an answered phone leg. Absent from events of before 2025: the user, then."""

SIP: Mapping[int, EndedReason] = {
    486: EndedReason.CUSTOMER_BUSY,
    600: EndedReason.CUSTOMER_BUSY,
    408: EndedReason.CUSTOMER_DID_NOT_ANSWER,
    480: EndedReason.CUSTOMER_DID_NOT_ANSWER,
    487: EndedReason.CUSTOMER_DID_NOT_ANSWER,
    403: EndedReason.VONAGE_REJECTED,
    603: EndedReason.VONAGE_REJECTED,
}
"""Why a leg that never was answered is "completed", when the word for it got lost."""

_NO_SOCKET = Row(EventKind.MEDIA_FAILED, EndedReason.VONAGE_FAILED_TO_CONNECT_CALL, asks=True)

MEDIA: Mapping[str, Row] = {
    "started": Row(EventKind.MEDIA_STARTING),
    "ringing": Row(EventKind.MEDIA_STARTING),
    "answered": Row(EventKind.MEDIA_CONNECTED),
    "failed": _NO_SOCKET,
    "unanswered": _NO_SOCKET,
    "rejected": _NO_SOCKET,
    "busy": _NO_SOCKET,
    "timeout": _NO_SOCKET,
    "cancelled": _NO_SOCKET,
    # Our side closed the socket and did not hang the leg up: Vonage asks what now.
    "disconnected": Row(EventKind.LEG_CONTINUED, EndedReason.VONAGE_DISCONNECTED, asks=True),
    # The conversation was torn down, which the phone's side does.
    "completed": Row(EventKind.MEDIA_STOPPED, EndedReason.CUSTOMER_ENDED_CALL),
}
"""The media socket's leg (``to`` is our ws address)."""

FORWARD: Mapping[str, Row] = {
    "started": Row(EventKind.NOTE),
    "ringing": Row(EventKind.NOTE),
    "answered": Row(EventKind.NOTE),
    "busy": Row(EventKind.FORWARD_FAILED, asks=True),
    "timeout": Row(EventKind.FORWARD_FAILED, asks=True),
    "unanswered": Row(EventKind.FORWARD_FAILED, asks=True),
    "cancelled": Row(EventKind.FORWARD_FAILED, asks=True),
    "rejected": Row(EventKind.FORWARD_FAILED, asks=True),
    "failed": Row(EventKind.FORWARD_FAILED, asks=True),
}
"""The leg of a forward; "completed" is worked out below."""

MACHINE: Mapping[str, bool] = {"human": False, "machine": True}
"""Answering machine detection. These two name the leg ``call_uuid``."""

NOTES = frozenset({"transfer", "input", "record", "transcribed", "error", "notify", "payment"})
"""Known words that change no status."""

FACTS: Mapping[str, str] = {
    "detail": "detail",
    "sub_state": "subState",
    "disconnected_by": "disconnectedBy",
    "rate": "rate",
    "network": "network",
    "recording_url": "recordingUrl",
    "recording_uuid": "recordingRef",
    "transcription_url": "transcriptionUrl",
    "conversation_uuid_to": "callRef",
    "reason": "error",
}
"""Vonage's fields -> ours in ``data``."""

CURRENCY = "EUR"
"""Of every price. https://developer.vonage.com/en/voice/voice-api/webhook-reference#completed"""

NUMBERS: Mapping[str, str] = {"duration": "durationSeconds", "sip_code": "sipCode"}
"""The same for whole numbers, which come as strings or as numbers."""

OURS = ("assistantId", "returnUrl")
METADATA = "metadata."
NESTED = frozenset({"headers", "dtmf", "speech", "custom_data", "original_request", "payload"})
"""Objects that a GET carries as JSON strings."""

MAX_FIELDS = 200
IDENTIFIER = re.compile(r"[\x21-\x7e]{1,128}")
"""Ids are opaque: with dashes or without, and not always hexadecimal."""

Payload = Mapping[str, Any]


def parse(hook: HookKind, request: WebhookRequest) -> Report:
    """A verified request in our words. Raises ``BadRequest``."""
    payload = _payload(request)
    if hook in (HookKind.ARRIVE, HookKind.FALLBACK):
        return _arrival(hook, request, payload)
    word = _word(payload)
    if word in NOTES or word not in STATUSES:
        return _note(request, payload, word)
    if word in MACHINE:
        return _machine(request, payload, word)
    if _media_url(payload):
        return _media(request, payload, word)
    if hook is HookKind.FORWARD:
        return _forward(request, payload, word)
    return _phone(request, payload, word)


STATUSES = frozenset(PHONE) | frozenset(MEDIA) | frozenset(FORWARD) | frozenset(MACHINE)


# ------------------------------------------------------------------ one part of the table each


def _arrival(hook: HookKind, request: WebhookRequest, payload: Payload) -> Report:
    """The answer webhook. It has no time of its own: leg and conversation make it unique.

    A leg that was sent elsewhere and comes back is in another conversation.
    """
    leg = _leg(payload)
    if leg is None or not (payload.get("uuid") and payload.get("conversation_uuid")):
        raise BadRequest("Vonage: an answer webhook without uuid or conversation_uuid")
    leg = replace(leg, inbound=True)
    fetched = _event(request, payload, EventKind.LEG_FETCHED, key=_key(*_refs(leg), hook.value))
    events: tuple[CallEvent, ...] = (fetched,)
    if hook is HookKind.FALLBACK:
        data = {"what": "fallback", **fetched.data}  # Vonage's own word for what was wrong: "error"
        note = replace(fetched, kind=EventKind.NOTE, key=_key(*_refs(leg), "reason"), data=data)
        events = (fetched, note)
    return Report(leg, events, asks=True, visit=_visit(request, leg))


def _phone(request: WebhookRequest, payload: Payload, word: str) -> Report:
    leg = _leg(payload)
    if word == "completed":
        return _completed(request, payload, leg)
    row = (PHONE_INBOUND if leg is not None and leg.inbound else PHONE).get(word)
    if row is None:  # "disconnected", which only a socket's leg is
        return _note(request, payload, word)
    return Report(leg, (_event(request, payload, row.kind, reason=row.reason),))


def _completed(request: WebhookRequest, payload: Payload, leg: Leg | None) -> Report:
    """The summary of every phone leg that was not rejected; a specific end before it stays."""
    by = payload.get("disconnected_by")
    event = _event(
        request,
        payload,
        EventKind.LEG_ENDED,
        reason=DISCONNECTED_BY.get(str(by), EndedReason.CUSTOMER_ENDED_CALL),
        unanswered_reason=None if _was_answered(payload) else _unanswered(payload),
        generic=True,
    )
    unknown = (str(by),) if by and str(by) not in DISCONNECTED_BY else ()
    return Report(leg, (event,), unknown=unknown)


def _unanswered(payload: Payload) -> EndedReason:
    by_user = payload.get("disconnected_by") == "user"
    inferred = SIP.get(_whole(payload.get("sip_code")) or 0)
    if inferred is None:
        lost = EndedReason.CUSTOMER_DID_NOT_ANSWER
        inferred = lost if by_user else EndedReason.VONAGE_FAILED_TO_CONNECT_CALL
    gave_up = inferred is EndedReason.CUSTOMER_DID_NOT_ANSWER and _inbound(payload)
    return EndedReason.CUSTOMER_ENDED_CALL if gave_up else inferred


def _media(request: WebhookRequest, payload: Payload, word: str) -> Report:
    row, media_url = MEDIA[word], str(payload["to"])
    reason = row.reason
    if word == "completed" and payload.get("disconnected_by") == "user":
        reason = EndedReason.VONAGE_DISCONNECTED  # the user of this leg is our own server
    event = _event(
        request,
        payload,
        row.kind,
        reason=reason,
        generic=word == "completed",
        stream=stream_id(media_url),
        data={"mediaLegRef": payload.get("uuid")},
    )
    return Report(_leg(payload), (event,), asks=row.asks, media_leg=True)


def _forward(request: WebhookRequest, payload: Payload, word: str) -> Report:
    """The forward's leg is not the call's: the URL's token names the call, so no leg is told."""
    row = _forward_completed(payload) if word == "completed" else FORWARD.get(word)
    if row is None:  # "disconnected", which only a socket's leg is
        return _note(request, payload, word)
    data = {"what": "forward", "outcome": word, "forwardLegRef": payload.get("uuid")}
    event = _event(request, payload, row.kind, reason=row.reason, data=data)
    return Report(None, (event, *_abandoned(event, word)), asks=row.asks)


def _abandoned(event: CallEvent, word: str) -> tuple[CallEvent, ...]:
    """Only who placed a leg cancels it: the caller left, of which a bypassed call hears only here."""
    if word != "cancelled":
        return ()
    left = replace(
        event,
        kind=EventKind.LEG_ENDED,
        key=f"{event.key}:leg",
        reason=EndedReason.CUSTOMER_ENDED_CALL,
        generic=True,
    )
    return (left,)


def _forward_completed(payload: Payload) -> Row:
    if _was_answered(payload):
        return Row(EventKind.FORWARD_ENDED, EndedReason.ASSISTANT_FORWARDED_CALL)
    return Row(EventKind.FORWARD_FAILED)  # the word that says why asks what now, not this one


def _machine(request: WebhookRequest, payload: Payload, word: str) -> Report:
    data = {"answeredBy": word, "machine": MACHINE[word]}
    return Report(_leg(payload), (_event(request, payload, EventKind.MACHINE_DETECTED, data=data),))


def _note(request: WebhookRequest, payload: Payload, word: str) -> Report:
    kind = EventKind.RECORDED if word == "record" else EventKind.NOTE
    event = _event(request, payload, kind, data={"what": word})
    unknown = () if word in NOTES or word in STATUSES else (word,)
    media_leg = _media_url(payload) is not None
    return Report(_leg(payload), (event,), media_leg=media_leg, unknown=unknown)


# ------------------------------------------------------------------ the API's own view of a leg


def state(resource: Payload, now: datetime) -> LegState:
    """A leg of ``GET /v1/calls/{uuid}`` as the events that would have told it. Raises ``BadRequest``.

    It has the fields of the events, but its parties are endpoints, and it does not say who hung up
    or why a "completed" leg never was answered: the user, then.
    https://developer.vonage.com/en/api/voice#getCall
    """
    raw = _clean(dict(resource))
    ends = {name: _number(resource.get(name)) for name in ("from", "to")}
    payload = {"disconnected_by": "user", **raw, **ends}
    word, leg = _word(payload), _leg(payload)
    if leg is None:
        raise BadRequest("Vonage: a leg without uuid")
    request = WebhookRequest("GET", "", (), b"", now)
    events: tuple[CallEvent, ...] = ()
    if word in MACHINE or (word == "completed" and _was_answered(payload)):
        at = _time(payload.get("start_time")) or now
        events = (replace(_event(request, payload, EventKind.LEG_ANSWERED), at=at),)
    if word in PHONE or word == "completed":
        events += _phone(request, payload, word).events
    told = tuple(replace(each, key=f"reconciled:{each.kind}", raw=raw) for each in events)
    return LegState(leg, word, told)


def _number(endpoint: Any) -> str | None:
    named = endpoint if isinstance(endpoint, dict) else {}
    return named.get("number") or named.get("uri")


# ------------------------------------------------------------------ Vonage's fields


def _word(payload: Payload) -> str:
    """What a payload is about. Only some have a ``status``: the order is the one of Vonage's SDKs."""
    status = payload.get("status")
    if isinstance(status, str) and status:
        return status[:100]
    if payload.get("type") == "transfer" or "conversation_uuid_from" in payload:
        return "transfer"
    for field, word in CLASSES:
        if field in payload:
            return word
    return str(payload.get("type") or "without a status")[:100]


CLASSES = (
    ("speech", "input"),
    ("dtmf", "input"),
    ("recording_url", "record"),
    ("reason", "error"),
    ("payload", "notify"),
)


def _media_url(payload: Payload) -> str | None:
    to = payload.get("to")
    return to if isinstance(to, str) and to.startswith(("ws://", "wss://")) else None


def _leg(payload: Payload) -> Leg | None:
    """The leg a payload names. Where it names only the conversation, that stands for both."""
    call_ref = _identifier(payload, "conversation_uuid", "conversation_uuid_from")
    leg_ref = _identifier(payload, "uuid", "call_uuid")
    if not call_ref and not leg_ref:
        return None
    return Leg(
        call_ref or leg_ref,
        leg_ref or call_ref,
        from_=_party(payload.get("from") or payload.get("from_user")),
        to=None if _media_url(payload) else _party(payload.get("to")),
        inbound=_inbound(payload),
        api_url=_api_url(payload.get("region_url")),
    )


def _refs(leg: Leg) -> tuple[str, str]:
    return leg.leg_ref, leg.call_ref


def _identifier(payload: Payload, *names: str) -> str:
    value = next((payload[name] for name in names if payload.get(name)), "")
    if value and not (isinstance(value, str) and IDENTIFIER.fullmatch(value)):
        raise BadRequest(f"Vonage: {names[0]} is not an id")
    return str(value)


def _party(value: Any) -> str | None:
    """A number as E.164 (Vonage writes it without ``+``), anything else as it comes."""
    if not isinstance(value, str) or not value:
        return None
    number = EITHER.fullmatch(value)
    return f"+{number[1]}" if number else value[:256]


def _inbound(payload: Payload) -> bool | None:
    return {"inbound": True, "outbound": False}.get(str(payload.get("direction")))


def _api_url(value: Any) -> str | None:
    """The region's API, if it is Vonage's: our application's token is sent there."""
    if not isinstance(value, str):
        return None
    region = re.fullmatch(r"https://([a-z0-9.-]+)/?", value)
    return f"https://{region[1]}" if region and API_HOST.fullmatch(region[1]) else None


def _was_answered(payload: Payload) -> bool:
    return bool(payload.get("start_time")) or bool(_whole(payload.get("duration")))


def _whole(value: Any) -> int | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _visit(request: WebhookRequest, leg: Leg) -> Visit:
    """Our own parameters: in the URL we were configured with, on POST as on GET."""
    query = _query(request)
    return Visit(
        assistant_id=query.get("assistantId") or None,
        return_url=query.get("returnUrl") or None,
        metadata={
            name.removeprefix(METADATA): value
            for name, value in query.items()
            if name.startswith(METADATA) and name != METADATA
        },
        delivery=" ".join(_refs(leg)),
    )


# ------------------------------------------------------------------ events


def _event(
    request: WebhookRequest,
    payload: Payload,
    kind: EventKind,
    *,
    key: str | None = None,
    reason: EndedReason | None = None,
    unanswered_reason: EndedReason | None = None,
    generic: bool = False,
    stream: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> CallEvent:
    return CallEvent(
        kind,
        _at(request, payload),
        key or _event_key(request, payload),
        source=NAME,
        reason=reason,
        unanswered_reason=unanswered_reason,
        generic=generic,
        stream=stream,
        data=_facts(payload) | dict(data or {}),
        raw=_raw(payload),
    )


def _facts(payload: Payload) -> dict[str, Any]:
    texts = {ours: payload.get(theirs) for theirs, ours in FACTS.items()}
    numbers = {ours: _whole(payload.get(theirs)) for theirs, ours in NUMBERS.items()}
    told = {name: value for name, value in (texts | numbers).items() if value not in (None, "")}
    return told | leg_price.fact(
        leg_price.amount(payload.get("price")), CURRENCY, payload.get("uuid")
    )


def _raw(payload: Payload) -> dict[str, Any]:
    """As received, but for the media socket's address: it ends in a token kept only as its digest."""
    media_url = _media_url(payload)
    if media_url is None:
        return dict(payload)
    return {**payload, "to": f"{media_url.rpartition('/')[0]}/{stream_id(media_url)}"}


def _at(request: WebhookRequest, payload: Payload) -> datetime:
    names = ("end_time", "timestamp") if payload.get("status") == "completed" else ("timestamp",)
    times = (_time(payload.get(name)) for name in names)
    return next((time for time in times if time is not None), request.received_at)


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _event_key(request: WebhookRequest, payload: Payload) -> str:
    """Vonage numbers its events not at all: leg, word and time make one of them."""
    names = ("uuid", "call_uuid", "conversation_uuid")
    leg = next((str(payload[name]) for name in names if payload.get(name)), "")
    timestamp = payload.get("timestamp")
    if timestamp:
        return _key(leg, _word(payload), str(timestamp))
    return _key(leg, _word(payload), request.query, request.body.hex())


def _key(*parts: str) -> str:
    text = json.dumps(parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# ------------------------------------------------------------------ reading


def _payload(request: WebhookRequest) -> Payload:
    """Vonage's fields: the JSON body of a POST, the query of a GET without what is ours."""
    if request.method == "GET":
        theirs = {name: value for name, value in _query(request).items() if not _is_ours(name)}
        return {name: _nested(value) if name in NESTED else value for name, value in theirs.items()}
    value = _json(request.body)
    if not isinstance(value, dict):
        raise BadRequest("Vonage: the body is not a JSON object")
    return value


def _is_ours(name: str) -> bool:
    return name in OURS or name.startswith(METADATA)


def _query(request: WebhookRequest) -> dict[str, str]:
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest("Vonage: too many query parameters") from error
    query = {_clean(name): str(_clean(value)) for name, value in pairs}
    if len(query) != len(pairs):
        raise BadRequest("Vonage: a query parameter is repeated")
    return query


def _nested(value: str) -> Any:
    return _json(value.encode()) if value.startswith(("{", "[")) else value


def _json(data: bytes) -> Any:
    try:
        return foreign_json.parse(data)
    except ValueError as error:
        raise BadRequest("Vonage: not JSON") from error


def _clean(value: Any) -> Any:
    try:
        return foreign_json.clean(value)
    except ValueError as error:
        raise BadRequest("Vonage: nested too deeply") from error
