"""Tells which of Vonage's callbacks a pasted request is.

https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

from __future__ import annotations

import json

from providers.base.pasted import Pasted
from providers.base.webhook import HookKind

IDS = ("conversation_uuid", "conversation_uuid_from", "uuid", "call_uuid")
SAID_OF_EVENTS = ("status", "type", "recording_url", "disconnected_by")


def recognise(pasted: Pasted) -> HookKind | None:
    """The kind, by the request's own fields; None: it is not of Vonage."""
    if not any(name in pasted.fields for name in IDS):
        return None
    is_event = any(name in pasted.fields for name in SAID_OF_EVENTS)
    return HookKind.STATUS if is_event or "from" not in pasted.fields else HookKind.ARRIVE


def restore(pasted: Pasted) -> Pasted:
    """Fields that were pasted as a form are JSON again."""
    request = pasted.request
    if request.header("content-type") == "application/json" or request.method == "GET":
        return pasted
    headers, body = [("content-type", "application/json")], json.dumps(dict(pasted.fields))
    return pasted._replace(
        request=type(request)("POST", request.url, headers, body.encode(), request.received_at)
    )
