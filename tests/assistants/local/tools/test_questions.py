"""One call of a function, as the programs of several years read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.assistants.local.tools.definitions import Tool
from app.assistants.local.tools.questions import question
from app.assistants.local.tools.reading import read_tools
from app.domain.assistant.config import AssistantConfig

GIVEN = {"day": "Monday", "guests": 2}
SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
FUNCTION = {"name": "book", "description": "Books.", "parameters": SCHEMA}
BOOK = {
    "type": "function",
    "function": FUNCTION,
    "messages": [{"type": "request-start", "content": "One moment."}],
    "server": {"url": "https://t.example/", "secret": "c4n4ry", "headers": {"x-key": "c4n4ry"}},
}


def tool_of(model: dict[str, Any]) -> Tool:
    [tool] = read_tools(AssistantConfig({"model": model}))
    return tool


CURRENT = question(tool_of({"tools": [BOOK]}), "call_1", GIVEN)
OLDER = question(tool_of({"functions": [FUNCTION]}), "call_1", GIVEN)

# Each reader: the message -> the function's name and its arguments.
READERS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "toolCallList, function.arguments": lambda m: (
        m["toolCallList"][0]["function"]["name"],
        m["toolCallList"][0]["function"]["arguments"],
    ),
    "toolCallList, arguments": lambda m: (
        m["toolCallList"][0]["name"],
        m["toolCallList"][0]["arguments"],
    ),
    "toolCallList, parameters": lambda m: (
        m["toolCallList"][0]["name"],
        m["toolCallList"][0]["parameters"],
    ),
    "toolCalls": lambda m: (
        m["toolCalls"][0]["function"]["name"],
        m["toolCalls"][0]["function"]["arguments"],
    ),
    "toolWithToolCallList, parameters": lambda m: (
        m["toolWithToolCallList"][0]["name"],
        m["toolWithToolCallList"][0]["toolCall"]["parameters"],
    ),
    "toolWithToolCallList, function.parameters": lambda m: (
        m["toolWithToolCallList"][0]["function"]["name"],
        m["toolWithToolCallList"][0]["toolCall"]["function"]["parameters"],
    ),
    "toolWithToolCallList, function.arguments": lambda m: (
        m["toolWithToolCallList"][0]["toolCall"]["function"]["name"],
        m["toolWithToolCallList"][0]["toolCall"]["function"]["arguments"],
    ),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_spelling_has_the_name_and_the_arguments(read: Callable[[Any], Any]) -> None:
    kind, message = CURRENT
    assert kind == "tool-calls"
    assert read(json.loads(json.dumps(message))) == ("book", GIVEN)


@pytest.mark.parametrize("name", ["toolCallList", "toolCalls"])
def test_every_call_has_its_id(name: str) -> None:
    [one] = CURRENT[1][name]
    assert (one["id"], one["type"]) == ("call_1", "function")


def test_the_tool_is_as_its_assistant_has_it_without_secrets() -> None:
    [listed] = CURRENT[1]["toolWithToolCallList"]
    assert listed["toolCall"]["id"] == "call_1"
    assert listed["function"] == FUNCTION
    assert (listed["description"], listed["parameters"]) == ("Books.", SCHEMA)
    assert listed["messages"] == BOOK["messages"]
    assert listed["server"] == {"url": "https://t.example/"}
    assert "c4n4ry" not in json.dumps(CURRENT)


def test_an_older_function_is_asked_in_older_words() -> None:
    assert OLDER == ("function-call", {"functionCall": {"name": "book", "parameters": GIVEN}})
