"""Signed requests of both carriers to a running bridge, as the carriers sign them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from providers.twilio import signature as twilio
from providers.vonage import signature as vonage
from tests.bridge import (
    ACCOUNT,
    API_KEY,
    AUTH_TOKEN,
    CUSTOMER,
    SIGNATURE_SECRET,
    TWILIO_NUMBER,
    VONAGE_NUMBER,
    Bridge,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def call_sid() -> str:
    return "CA" + secrets.token_hex(16)


def target(url: str) -> str:
    """What is requested of a URL: path and query."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def twilio_post(
    bridge: Bridge, path: str, headers: Mapping[str, str] | None = None, **fields: str
) -> tuple[int, str]:
    """One signed POST; (status, body)."""
    form = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", **fields}
    signed = twilio.compute(AUTH_TOKEN, bridge.url + path, form.items())
    answer = bridge.http.request(
        "POST",
        bridge.url + path,
        body=urlencode(form),
        headers={**FORM, "X-Twilio-Signature": signed, **(headers or {})},
    )
    return answer.status, answer.data.decode()


def twilio_arrival(sid: str, **fields: str) -> dict[str, str]:
    return {
        "CallSid": sid,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": CUSTOMER,
        "To": TWILIO_NUMBER,
        **fields,
    }


def twilio_status(sid: str, status: str, sequence: int, **fields: str) -> dict[str, str]:
    return {
        "CallSid": sid,
        "CallStatus": status,
        "Direction": "outbound-api",
        "From": TWILIO_NUMBER,
        "To": CUSTOMER,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": f"Mon, 23 Nov 2026 12:00:{sequence:02} +0000",
        **fields,
    }


def vonage_post(bridge: Bridge, path: str, event: Mapping[str, Any]) -> tuple[int, str]:
    """One signed event; (status, body)."""
    body = json.dumps(event, separators=(",", ":")).encode()
    token = vonage.sign(SIGNATURE_SECRET, api_key=API_KEY, payload=body, now=datetime.now(UTC))
    answer = bridge.http.request(
        "POST",
        bridge.url + path,
        body=body,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    return answer.status, answer.data.decode()


def vonage_get(bridge: Bridge, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
    """One signed GET, the carrier's own default for answer URLs."""
    ours, _, query = path.partition("?")
    query = "&".join(part for part in (query, urlencode(fields)) if part)
    payload = vonage.query_payload(query)
    token = vonage.sign(SIGNATURE_SECRET, api_key=API_KEY, payload=payload, now=datetime.now(UTC))
    answer = bridge.http.request(
        "GET", f"{bridge.url}{ours}?{query}", headers={"Authorization": f"Bearer {token}"}
    )
    return answer.status, answer.data.decode()


def vonage_arrival() -> dict[str, str]:
    return {
        "to": VONAGE_NUMBER[1:],
        "from": CUSTOMER[1:],
        "uuid": secrets.token_hex(16),
        "conversation_uuid": f"CON-{secrets.token_hex(8)}",
    }
