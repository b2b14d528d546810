"""The types of Vonage's fields, judged where a webhook comes in.

A field of another type counts as absent, and the event keeps it as it came. The fields that name
the leg are no part of this: without them a webhook cannot be read (``payload.leg``).
https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from providers.common.json_types import JsonObject

# Ids are opaque: with dashes or without, and not always hexadecimal.
IDENTIFIER = re.compile(r"[\x21-\x7e]{1,128}")
_WHOLE = re.compile(r"[0-9]{1,9}")


def whole(value: Any) -> int | None:
    """A whole number of at most nine digits: text on a GET, text or a number on a POST."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) if _WHOLE.fullmatch(text) else None


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _identifier(value: Any) -> bool:
    return isinstance(value, str) and IDENTIFIER.fullmatch(value) is not None


def _whole(value: Any) -> bool:
    return whole(value) is not None


def _amount(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


TYPES: Mapping[str, Callable[[Any], bool]] = {
    "conversation_uuid_to": _identifier,
    "detail": _text,
    "direction": _text,
    "disconnected_by": _text,
    "duration": _whole,
    "end_time": _text,
    "from": _text,
    "from_user": _text,
    "network": _text,
    "price": _amount,
    "rate": _amount,
    "reason": _text,
    "recording_url": _text,
    "recording_uuid": _identifier,
    "region_url": _text,
    "sip_code": _whole,
    "start_time": _text,
    "status": _text,
    "sub_state": _text,
    "timestamp": _text,
    "to": _text,
    "transcription_url": _text,
    "type": _text,
}


def typed(payload: JsonObject) -> JsonObject:
    """The payload without the fields of a wrong type."""
    wrong = [name for name in TYPES.keys() & payload.keys() if not TYPES[name](payload[name])]
    return {name: payload[name] for name in payload if name not in wrong} if wrong else payload
