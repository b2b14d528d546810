"""The messages of a tool: which there are, and which one fits the arguments of a call. Pure.

https://docs.vapi.ai/tools/custom-tools#messages
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.assistants.local.tools.definitions import Message, Tool, ToolMessageType
from app.domain.assistant.fields import Json, number_of, objects_of, text_of
from app.domain.assistant.words import words_of
from providers.common.json_types import JsonObject

# Of a delayed message without ``timingMilliseconds``.
DELAY_MS = 1000.0

# https://docs.vapi.ai/tools/custom-tools#conditions
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "neq": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "gte": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "lte": lambda a, b: bool(a <= b),
}


def read_messages(given: Json) -> Iterator[Message]:
    """The tool's messages. One without words, or of another type, is left out."""
    for each in objects_of(given, "messages"):
        if text_of(each, "type") in set(ToolMessageType):
            message = read_message(each, ToolMessageType(text_of(each, "type")))
            if message is not None:
                yield message


def read_message(given: Json, when: ToolMessageType) -> Message | None:
    """One message; None without words. ``contents``: the words in several languages."""
    content = words_of(given)
    if not content:
        return None
    return Message(
        when,
        content,
        delay_seconds=number_of(given, "timingMilliseconds", DELAY_MS) / 1000,
        waits=given.get("blocking") is True,
        role="system" if given.get("role") == "system" else "assistant",
        ends_call=given.get("endCallAfterSpokenEnabled") is True,
        conditions=tuple(objects_of(given, "conditions")),
    )


def choose(tool: Tool, when: ToolMessageType, arguments: JsonObject) -> Message | None:
    """The first message of this type whose conditions hold for the arguments."""
    return next(fitting(tool, when, arguments), None)


def fitting(tool: Tool, when: ToolMessageType, arguments: JsonObject) -> Iterator[Message]:
    """All messages of this type whose conditions hold."""
    for message in tool.messages:
        if message.when is when and all(_holds(each, arguments) for each in message.conditions):
            yield message


def _holds(condition: JsonObject, arguments: JsonObject) -> bool:
    compare = OPERATORS.get(str(condition.get("operator")))
    given = arguments.get(str(condition.get("param")))
    try:
        return compare is not None and compare(given, condition.get("value"))
    except TypeError:  # the values cannot be compared, such as a number and a text
        return False
