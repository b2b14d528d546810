"""``{{templates}}`` in the assistant's prompts and messages. Pure.

Names may have dots (``{{customer.number}}``). An unknown name stays as it is written: a typing
mistake is audible in the first test. https://docs.vapi.ai/assistants/dynamic-variables
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from providers.common.json_types import JsonDict, JsonObject

NAME = re.compile(r"\{\{\s*([A-Za-z_][\w.\-]{0,100})\s*\}\}")


def values(own: JsonObject, call: JsonObject, now: datetime | None = None) -> JsonDict:
    """The values of ``{{templates}}``: ``own`` (``variableValues``), and every call's names."""
    at = (now or datetime.now(UTC)).astimezone(UTC)
    return {
        "now": at.strftime("%b %d, %Y, %I:%M %p %Z"),
        "date": at.strftime("%b %d, %Y"),
        "time": at.strftime("%I:%M %p"),
        "day": at.strftime("%d"),
        "month": at.strftime("%B"),
        "year": at.strftime("%Y"),
        "customer": call.get("customer") or {},
        "phoneNumber": call.get("phoneNumber") or {},
        "call": {"id": call.get("id"), "type": call.get("type"), "metadata": call.get("metadata")},
        **own,
    }


def fill(text: str, known: JsonObject) -> str:
    """Replace every known name by its value."""
    return NAME.sub(lambda match: _value(match, known), text)


def _value(match: re.Match[str], known: JsonObject) -> str:
    found: Any = known
    for part in match[1].split("."):
        if not isinstance(found, Mapping) or part not in found:
            return match[0]
        found = found[part]
    if found is None or isinstance(found, Mapping | list):
        return match[0]
    return str(found).lower() if isinstance(found, bool) else str(found)
