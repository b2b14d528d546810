"""Calls without a phone: from a browser (``webCall``), or from a program with a websocket.

Their carrier is our own (``Carrier.phone`` is false). A SIP call to the operator's domain may join
a web call in the browser's place. https://docs.vapi.ai/api-reference/calls/create-web-call
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.domain.calls import instructions
from app.domain.calls.record import Call
from app.domain.calls.stored_resources import NO_NUMBER
from app.domain.context import Context
from app.domain.ids import parse_uuid
from providers.common.json_types import JsonDict, JsonObject

NAME = "web"
"""The name of our own carrier."""
WEB_CALL, WEBSOCKET_CALL = "webCall", "vapi.websocketCall"
TYPES = frozenset({WEB_CALL, WEBSOCKET_CALL})
"""``type`` of these calls."""
WEBSOCKET = "vapi.websocket"
"""``transport.provider`` of a program's call."""
DEFAULT_FORMAT: JsonObject = {"format": "pcm_s16le", "container": "raw", "sampleRate": 16000}

ACCOUNT: JsonObject = {"id": None, "provider": NAME, "account_ref": NAME, "secret": None}
"""In place of the row of a carrier account."""
NUMBER: JsonObject = {
    "id": None,
    "provider": NAME,
    "number": None,
    "credential": ACCOUNT,
    "body": NO_NUMBER,
    "assistant_id": None,
}
"""In place of the call's number."""
PHONE_FIELDS = (
    "phoneCallProvider",
    "phoneCallTransport",
    "phoneCallProviderBypassEnabled",
    "phoneCallProviderDetails",
)
"""Fields of a Call that say nothing about a call without a phone."""

_SIP_USER = re.compile(r"(?:sips?:)?([0-9a-fA-F-]{36})(?:@[^@\s]+)?")
"""A called SIP address, as carriers write it; with or without scheme and host."""


def audio_format(body: JsonObject) -> str:
    """The name of a call's audio format, a key of ``Carrier.formats``; empty for the usual one."""
    transport = body.get("transport")
    if not isinstance(transport, Mapping):
        return ""
    wanted = _format(transport)
    return f"{wanted['format']} {wanted['sampleRate']}"


def shown(context: Context, call: Call) -> JsonDict:
    """The fields of a Call that only such calls have, or have not."""
    if not context.providers[call.provider].phone:
        return {**dict.fromkeys(PHONE_FIELDS), **_addresses(context, call)}
    return {"phoneCallProviderBypassEnabled": None, "phoneCallTransport": "sip"}


def sip_domain(context: Context) -> str | None:
    """The domain of SIP calls that may join; the first carrier's that has one."""
    return next((c.sip_domain for c in context.settings.carriers if c.sip_domain), None)


def called(address: str | None) -> str | None:
    """The id of the call that a SIP address names, if it has the form of one."""
    found = _SIP_USER.fullmatch((address or "").partition(";")[0])
    return parse_uuid(found[1]) if found else None


def _addresses(context: Context, call: Call) -> JsonDict:
    """Where the customer joins the call: each is a secret of this call."""
    given = instructions.first_tokens(context, call)
    if call.type == WEBSOCKET_CALL:
        url = instructions.connect(context, call, given).media_url
        transport = {
            "provider": WEBSOCKET,
            "conversationType": "voice",
            "audioFormat": _format(call.body["transport"]),
            "websocketCallUrl": url,
        }
        return {"transport": transport}
    domain = sip_domain(context) if call.body.get("sipEnabled") else None
    return {
        "webCallUrl": f"{context.settings.public_url}/web/{given.callback}",
        "webCallSipUri": f"sip:{call.id}@{domain}" if domain else None,
    }


def _format(transport: JsonObject) -> JsonDict:
    return {**DEFAULT_FORMAT, **(transport.get("audioFormat") or {})}
