"""One event of a request of Twilio's: its time, its key, and its facts in our words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from providers.base.webhook import HookKind, Leg, WebhookRequest
from providers.errors import BadRequest
from providers.events import CallEvent, EventKind
from providers.twilio.config import NAME
from providers.twilio.payload import IDEMPOTENCY, number

DATA: Mapping[str, tuple[str, Callable[[str], Any]]] = {
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
_TOKEN = re.compile(r"[\w.:-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook, taken apart once."""

    hook: HookKind
    request: WebhookRequest
    values: Mapping[str, str]
    """Twilio's parameters. On GET ours stand among them."""
    leg: Leg

    def event(self, kind: EventKind, *, key: str | None = None, **more: Any) -> CallEvent:
        return CallEvent(
            kind=kind,
            at=_at(self),
            key=key or _key(self),
            source=NAME,
            sequence=number(self.values.get("SequenceNumber", "")),
            data={**_data(self.values), **more.pop("data", {})},
            raw=dict(self.values),
            **more,
        )

    def word(self, name: str) -> str:
        """A parameter this hook cannot be without."""
        if not (word := self.values.get(name)):
            raise BadRequest(f"Twilio's {self.hook} request has no {name}")
        return word


def _data(values: Mapping[str, str]) -> dict[str, Any]:
    """Facts in our words; a number that is none is left to ``raw``."""
    data: dict[str, Any] = {}
    for name, (ours, kind) in DATA.items():
        value = values.get(name)
        if value and (fact := number(value) if kind is int else value) is not None:
            data[ours] = fact
    if "DialBridged" in values:
        data["bridged"] = values["DialBridged"] == "true"
    return data


def _at(webhook: Webhook) -> datetime:
    """Twilio's own time: RFC 2822 of calls, ISO 8601 of streams. What is neither: when it came."""
    text = webhook.values.get("Timestamp", "")
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return webhook.request.received_at


def _key(webhook: Webhook) -> str:
    """The event's key: equal for every delivery of one request, other for the next.

    Twilio's own token says it where it is sent. Without it: a digest of what tells requests
    apart. The verb after the stream has nothing of that sort, so the URL is in the digest too:
    a leg that goes past two streams is told apart when their URLs differ.
    """
    given = webhook.request.header(IDEMPOTENCY) or ""
    if _TOKEN.fullmatch(given):
        return f"token:{given}:{webhook.hook}"
    parts = [webhook.hook, webhook.request.url, *(webhook.values.get(name) for name in KEY_FIELDS)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
