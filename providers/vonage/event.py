"""One event of a Vonage webhook: its time, its key, and its facts in our words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from providers.base.instructions import stream_id
from providers.base.webhook import Leg, WebhookRequest
from providers.common import json_text
from providers.common import price as leg_price
from providers.common.json_types import JsonDict
from providers.events import CallEvent, EventKind
from providers.vonage import payload as payloads
from providers.vonage.config import NAME
from providers.vonage.fields import whole
from providers.vonage.payload import Payload
from providers.vonage.signature import token_digest

# Vonage's fields -> ours in ``data``.
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

# The currency of every price.
# https://developer.vonage.com/en/voice/voice-api/webhook-reference#completed
CURRENCY = "EUR"

# The same for whole numbers, which come as strings or as numbers.
NUMBERS: Mapping[str, str] = {"duration": "durationSeconds", "sip_code": "sipCode"}
_FACTS = {**FACTS, **NUMBERS}
_ORDER = list(_FACTS).index


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook, parsed once."""

    request: WebhookRequest
    payload: Payload
    """The fields of the right types (``fields.typed``)."""
    word: str
    """The word for what the webhook is about (``payload.word``)."""
    raw: Payload
    """All fields, as they came."""

    @property
    def leg(self) -> Leg | None:
        """The leg. Raises ``BadRequest`` for an invalid id."""
        return payloads.leg(self.payload)

    @property
    def media_url(self) -> str | None:
        """Our media socket's address, if the webhook is about its leg."""
        return payloads.media_url(self.payload)

    def event(self, kind: EventKind, *, key: str | None = None, **more: Any) -> CallEvent:
        return CallEvent(
            kind,
            _at(self),
            key or _event_key(self),
            source=NAME,
            data={**_facts(self.payload), **more.pop("data", {})},
            raw=self._stored(),
            token=token_digest(self.request),
            **more,
        )

    def _stored(self) -> JsonDict:
        """The fields without the token that ends the media socket's address.

        The store keeps the token's digest only.
        """
        url = self.media_url
        if url is None:
            return dict(self.raw)
        return {**self.raw, "to": f"{url.rpartition('/')[0]}/{stream_id(url)}"}


def _facts(payload: Payload) -> JsonDict:
    told: JsonDict = {}
    for name in sorted(_FACTS.keys() & payload.keys(), key=_ORDER):
        value = whole(payload[name]) if name in NUMBERS else payload[name]
        if value not in (None, ""):
            told[_FACTS[name]] = value
    if "price" not in payload:
        return told
    return told | leg_price.fact(leg_price.amount(payload["price"]), CURRENCY, payload.get("uuid"))


def _at(webhook: Webhook) -> datetime:
    """Vonage's own time. For a "completed" leg it is the end, not the time of the event."""
    names = ("end_time", "timestamp") if webhook.word == "completed" else ("timestamp",)
    times = (time(webhook.payload.get(name)) for name in names)
    return next((each for each in times if each is not None), webhook.request.received_at)


def time(value: Any) -> datetime | None:
    """ISO 8601. Without a zone it is UTC, as in the API's times."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _event_key(webhook: Webhook) -> str:
    """The event's key, from leg, word and time: Vonage does not number its events.

    Without a time the whole payload makes it: its values, not their spelling, are signed.
    """
    names = ("uuid", "call_uuid", "conversation_uuid")
    leg = next((str(webhook.payload[name]) for name in names if webhook.payload.get(name)), "")
    if timestamp := webhook.payload.get("timestamp"):
        return key_of(leg, webhook.word, str(timestamp))
    return key_of(leg, webhook.word, json_text.dumps(webhook.raw))


def key_of(*parts: str) -> str:
    """A digest of the parts that distinguish an event."""
    text = json.dumps(parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
