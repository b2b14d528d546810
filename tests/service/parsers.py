"""The parsers that read a stranger's bytes, each as a function that may only refuse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from app.routes import json_body
from app.routes.errors import ApiError
from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import BadRequest, Refused
from providers.twilio import TWILIO
from providers.twilio import signature as twilio_signature
from providers.vonage import VONAGE, bearer
from providers.vonage import signature as vonage_signature

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "https://bridge.example/hook"
SECRET = "a secret of the carrier, long enough for it"
AT_TWILIO = Account("AC" + "a" * 32, {"authTokens": [SECRET]})
AT_VONAGE = Account("abcd1234", {"signatureSecrets": [SECRET]})
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
KINDS = tuple(HookKind)

Parser = Callable[[bytes], None]


def _parse(carrier: Carrier, request: WebhookRequest) -> None:
    """As every kind of webhook."""
    for kind in KINDS:
        with suppress(BadRequest, Refused):
            carrier.webhooks.parse(kind, request)


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def twilio_unsigned(data: bytes) -> None:
    """The body, the query, the type and the signature are the stranger's."""
    query, kind, held, body = (data.split(b"\n", 3) + [b""] * 3)[:4]
    headers = [("content-type", _text(kind) or FORM), (twilio_signature.HEADER, _text(held))]
    for method in ("GET", "POST"):
        url = f"{URL}?{_text(query)}"
        request = WebhookRequest(method, url, headers, b"" if method == "GET" else body, NOW)
        with suppress(Refused):
            twilio_signature.claimed_account(request)
        with suppress(Refused):
            twilio_signature.verify(request, AT_TWILIO)


def twilio_signed(data: bytes) -> None:
    """A form of Twilio's own making: whatever stands in it."""
    text = data.decode("ascii", "ignore")
    names = {"AccountSid": AT_TWILIO.ref, "CallSid": "CA" + "b" * 32}
    body = "&".join([*(f"{name}={value}" for name, value in names.items()), text])
    try:
        pairs = twilio_signature.decode(body)
    except ValueError:
        return
    held = twilio_signature.compute(SECRET, URL, pairs)
    headers = [("content-type", FORM), (twilio_signature.HEADER, held)]
    request = WebhookRequest("POST", URL, headers, body.encode(), NOW)
    with suppress(Refused):
        twilio_signature.verify(request, AT_TWILIO)
        _parse(TWILIO, request)


def vonage_token(data: bytes) -> None:
    token, _, body = data.partition(b"\n")
    request = WebhookRequest("POST", URL, [("authorization", f"Bearer {_text(token)}")], body, NOW)
    with suppress(Refused):
        vonage_signature.claimed_account(request)
    with suppress(Refused):
        vonage_signature.verify(request, AT_VONAGE)


def vonage_claims(data: bytes) -> None:
    """A token that is signed, with any claims."""
    made = bearer.encode(data, SECRET)
    request = WebhookRequest("POST", URL, [("authorization", f"Bearer {made}")], b"{}", NOW)
    with suppress(Refused):
        vonage_signature.claimed_account(request)
    with suppress(Refused):
        vonage_signature.verify(request, AT_VONAGE)


def vonage_signed(data: bytes) -> None:
    """A body of Vonage's own making: whatever stands in it."""
    digest = hashlib.sha256(data).hexdigest()
    claims = {"iat": int(NOW.timestamp()), "jti": digest, "api_key": AT_VONAGE.ref}
    payload = json.dumps({**claims, "payload_hash": digest}).encode()
    made = bearer.encode(payload, SECRET)
    headers = [("authorization", f"Bearer {made}"), ("content-type", JSON)]
    request = WebhookRequest("POST", URL, headers, data, NOW)
    with suppress(Refused):
        vonage_signature.verify(request, AT_VONAGE)
        _parse(VONAGE, request)


def _frames(carrier: Carrier) -> Parser:
    """Messages of one media socket, a line each; binary and text."""

    def parse(data: bytes) -> None:
        serializer = carrier.serializer()
        for line in data.split(b"\n"):
            for message in (line, line.decode("utf-8", "replace")):
                with suppress(BadRequest, Refused):
                    serializer.decode(message)

    return parse


def body(data: bytes) -> None:
    """The API's JSON. What is accepted can be written and encoded again."""
    with suppress(ApiError):
        json.dumps(json_body.parse(data), allow_nan=False).encode()


PARSERS: Mapping[str, Parser] = {
    "twilio-unsigned": twilio_unsigned,
    "twilio-signed": twilio_signed,
    "vonage-token": vonage_token,
    "vonage-claims": vonage_claims,
    "vonage-signed": vonage_signed,
    "twilio-frames": _frames(TWILIO),
    "vonage-frames": _frames(VONAGE),
    "json-body": body,
}
