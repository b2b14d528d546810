"""The values of an assistant's templates: Vapi's variables, and the client's own. Pure.

https://docs.vapi.ai/assistants/dynamic-variables
"""

from __future__ import annotations

from datetime import UTC, datetime

from providers.common.json_types import JsonDict, JsonObject


def values(own: JsonObject, call: JsonObject, now: datetime | None = None) -> JsonDict:
    """``own``: ``variableValues``, which win. ``call``: a Call's fields, and its number."""
    at = (now or datetime.now(UTC)).astimezone(UTC)
    parts = ("customer", "phoneNumber", "transport")
    return {
        "now": at.strftime("%b %d, %Y, %I:%M %p %Z"),
        "date": at.strftime("%b %d, %Y"),
        "time": at.strftime("%I:%M %p"),
        "day": at.strftime("%d"),
        "month": at.strftime("%B"),
        "year": at.strftime("%Y"),
        **{name: dict(call.get(name) or {}) for name in parts},
        "call": {
            name: value
            for name, value in call.items()
            if name not in (*parts, "messages") and value is not None
        },
        **own,
    }
