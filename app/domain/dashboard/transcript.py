"""What was said in a call, line by line, with tool calls and interruptions. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.domain.calls.redaction import redacted
from providers.common.json_types import JsonObject

KINDS = {"user": "caller", "bot": "assistant", "supervisor": "supervisor"}
"""Role of a message -> kind of its line."""
MOST = 2_000
"""Lines that one page shows."""
MOST_DETAIL = 4_000
"""Characters of a tool's arguments or result."""


@dataclass(frozen=True, slots=True)
class Line:
    """``kind``: caller, assistant, supervisor, tool. ``at``: seconds since the conversation began."""

    kind: str
    who: str
    text: str
    at: float
    until: float
    interrupts: bool = False
    """It began while the other side spoke."""
    detail: str = ""


def lines(messages: Iterable[JsonObject], caller: str = "Caller") -> list[Line]:
    """From a Call's ``messages``. Instructions to the model are left out.

    ``caller``: what the page calls the person.
    """
    found: list[Line] = []
    for each in messages:
        if len(found) >= MOST:
            break
        found += _lines(each, found, caller)
    return found


def _lines(message: JsonObject, before: list[Line], caller: str) -> list[Line]:
    role = message.get("role")
    at = float(message.get("secondsFromStart") or 0)
    if role in KINDS:
        return [_spoken(message, at, before, caller)] if message.get("message") else []
    if role == "tool_calls":
        return [_call(each, at) for each in message.get("toolCalls") or ()]
    if role == "tool_call_result":
        result = _text(message.get("result"))
        return [Line("tool", "Result", str(message.get("name", "")), at, at, detail=result)]
    return []


def _spoken(message: JsonObject, at: float, before: list[Line], caller: str) -> Line:
    began, ended = message.get("time"), message.get("endTime")
    until = at + (ended - began) / 1000 if began and ended else at
    kind = KINDS[message["role"]]
    who = caller if kind == "caller" else kind.capitalize()
    other = next((each for each in reversed(before) if each.kind not in ("tool", kind)), None)
    cuts = other is not None and other.at < at < other.until
    return Line(kind, who, str(message["message"]), at, until, interrupts=cuts)


def _call(call: JsonObject, at: float) -> Line:
    function = call.get("function") or {}
    arguments = _text(function.get("arguments"))
    return Line("tool", "Tool call", str(function.get("name", "")), at, at, detail=arguments)


def _text(value: Any) -> str:
    """JSON that came as a text is laid out, too."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(redacted(value))[:MOST_DETAIL]
    return json.dumps(redacted(value), ensure_ascii=False, indent=2)[:MOST_DETAIL]
