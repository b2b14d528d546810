"""One event of a Twilio webhook: its time, its key, and its facts in our words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from providers.base.webhook import HookKind, Leg, WebhookRequest
from providers.common.json_types import JsonDict
from providers.errors import BadRequest
from providers.events import CallEvent, EventKind
from providers.twilio.config import NAME
from providers.twilio.payload import number
from providers.twilio.signature import signed_text

DATA: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    # Twilio's name: (ours, type)
    "CallDuration": ("durationSeconds", int),
    # minutes, in spite of the name:
    # https://www.twilio.com/docs/voice/api/call-resource#statuscallback
    "Duration": ("billedMinutes", int),
    "SipResponseCode": ("sipCode", int),
    "AnsweredBy": ("answeredBy", str),
    "MachineDetectionDuration": ("detectionMilliseconds", int),
    "ForwardedFrom": ("forwardedFrom", str),
    "CallerName": ("callerName", str),
    "StirVerstat": ("stirVerstat", str),
    "StirStatus": ("stirStatus", str),
    "ErrorCode": ("errorCode", str),  # on a fallback URL
    "ErrorUrl": ("errorUrl", str),
    "ErrorMessage": ("errorMessage", str),  # of ConversationRelay, as the next three are
    "SessionId": ("sessionRef", str),
    "SessionStatus": ("sessionStatus", str),
    "SessionDuration": ("sessionSeconds", int),
    "StreamSid": ("streamRef", str),
    "StreamEvent": ("streamEvent", str),
    "StreamError": ("error", str),
    "DialCallSid": ("forwardLegRef", str),
    "DialCallStatus": ("outcome", str),
    "DialCallDuration": ("forwardSeconds", int),
    "DialSipResponseCode": ("forwardSipCode", int),
    "ReferCallStatus": ("referOutcome", str),
    "ReferSipResponseCode": ("referSipCode", int),
    "NotifySipResponseCode": ("referredSipCode", int),
    "RecordingSid": ("recordingRef", str),
    "RecordingUrl": ("recordingUrl", str),
    "RecordingStatus": ("recordingStatus", str),
    "RecordingDuration": ("recordingSeconds", int),
    "RecordingChannels": ("recordingChannels", int),
    "RecordingSource": ("recordingSource", str),
    "RecordingTrack": ("recordingTrack", str),
    "RecordingStartTime": ("recordingStartedAt", str),
}

_ORDER = list(DATA).index
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_RFC_2822 = re.compile(
    rf"[A-Z][a-z][a-z], (\d\d) ({'|'.join(re.findall('...', _MONTHS))}) (\d{{4}}) "
    r"(\d\d:\d\d:\d\d) ([+-]\d{4})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook, parsed once."""

    hook: HookKind
    request: WebhookRequest
    values: Mapping[str, str]
    """Twilio's parameters. On GET our own are among them."""
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
        """A parameter that this webhook must have."""
        if not (word := self.values.get(name)):
            raise BadRequest(f"Twilio's {self.hook} request has no {name}")
        return word


def _data(values: Mapping[str, str]) -> JsonDict:
    """Facts in our words. A value that is not a number stays in ``raw`` only."""
    data: JsonDict = {}
    for name in sorted(DATA.keys() & values.keys(), key=_ORDER):
        ours, kind = DATA[name]
        value = values[name]
        if value and (fact := number(value) if kind is int else value) is not None:
            data[ours] = fact
    if "DialBridged" in values:
        data["bridged"] = values["DialBridged"] == "true"
    return data


def _at(webhook: Webhook) -> datetime:
    """Twilio's own time: RFC 2822 for calls, ISO 8601 for streams.

    Otherwise the time of arrival.
    """
    text = webhook.values.get("Timestamp", "")
    if not text:
        return webhook.request.received_at
    for read in (_rfc_2822, datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return webhook.request.received_at


def _rfc_2822(text: str) -> datetime:
    """The one spelling that Twilio uses: a tenth of the general parser's work."""
    if not (given := _RFC_2822.fullmatch(text)):
        raise ValueError
    day, month, year, clock, zone = given.groups()
    return datetime.fromisoformat(f"{year}-{_MONTHS.index(month) // 3 + 1:02}-{day}T{clock}{zone}")


def _key(webhook: Webhook) -> str:
    """The event's key: a digest of what Twilio signed, so the same for every delivery of it.

    Two requests of one leg differ in what is signed. Callbacks have a time or a number. Each
    document of ours has its own URLs, so the requests after two streams differ too. The header
    ``I-Twilio-Idempotency-Token`` is not signed: the sender of a replay may change it.
    """
    text = signed_text(webhook.request).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:32]
