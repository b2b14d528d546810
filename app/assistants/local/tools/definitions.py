"""The tools of an assistant: Vapi's ``model.tools``, the older ``model.functions`` and flags.

This file reads them into one shape and runs none. Types that are not served here are left out.
https://docs.vapi.ai/tools
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.domain.assistant.config import AssistantConfig, Server, server_of
from providers.common.json_types import JsonObject

if TYPE_CHECKING:
    from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema


class Kind(StrEnum):
    """Vapi's ``type`` of a tool."""

    FUNCTION = "function"
    """Calls the client's server."""
    END_CALL = "endCall"
    TRANSFER_CALL = "transferCall"
    DTMF = "dtmf"


class ToolMessageType(StrEnum):
    """Vapi's ``type`` of a tool's message."""

    START = "request-start"
    DELAYED = "request-response-delayed"
    COMPLETE = "request-complete"
    FAILED = "request-failed"


@dataclass(frozen=True, slots=True)
class Message:
    """What is spoken while a tool runs, or after it."""

    when: ToolMessageType
    content: str
    delay_seconds: float = 0.0
    """Seconds without a result; used by ``DELAYED`` only."""
    waits: bool = False
    """Of ``START``: the tool runs once it was spoken (``blocking``)."""
    role: str = "assistant"
    """``assistant``: spoken. ``system``: a hint to the model."""
    ends_call: bool = False
    conditions: tuple[JsonObject, ...] = ()
    """Vapi's conditions on the call's arguments; all must hold."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``parameters`` is a JSON schema of type object."""

    kind: Kind
    name: str
    description: str
    parameters: JsonObject
    server: Server | None = field(default=None, repr=False)
    """The tool's own server; None: the assistant's."""
    is_async: bool = False
    """The model does not wait for the result."""
    messages: tuple[Message, ...] = ()
    destinations: tuple[JsonObject, ...] = ()
    """Of ``TRANSFER_CALL``: Vapi's destinations. Empty: the server is asked for one."""


# Of a delayed message without ``timingMilliseconds``.
DELAY_SECONDS = 1.0
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
NOTHING: JsonObject = {"type": "object", "properties": {}, "required": []}
KEYS: JsonObject = {
    "type": "object",
    "properties": {
        "dtmf": {"type": "string", "description": "The keys to press: 0-9, * and #; w waits."}
    },
    "required": ["dtmf"],
}
# The description and parameters of a tool that has none.
BUILT_IN: Mapping[Kind, tuple[str, JsonObject]] = {
    Kind.END_CALL: ("Use this function to end the call.", NOTHING),
    Kind.TRANSFER_CALL: ("Use this function to transfer the call.", NOTHING),
    Kind.DTMF: ("Use this function to press keys on the phone's keypad.", KEYS),
}


def read_tools(assistant: AssistantConfig) -> list[Tool]:
    """Read every tool, each name once. Current forms win over older ones."""
    model = assistant.model
    found = dict[str, Tool]()
    for given in (*_objects(model.get("tools")), *map(_as_tool, _objects(model.get("functions")))):
        tool = read_tool(given)
        if tool is not None:
            found.setdefault(tool.name, tool)
    kinds = {tool.kind for tool in found.values()}
    for tool in _flagged(assistant.json):
        if tool.kind not in kinds:
            found.setdefault(tool.name, tool)
    return list(found.values())


def tools_schema(tools: Sequence[Tool]) -> ToolsSchema:
    """The tools in pipecat's form. Imports pipecat."""
    from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema

    return ToolsSchema(
        [
            FunctionSchema(
                name=tool.name,
                description=tool.description,
                properties=dict(tool.parameters["properties"]),
                required=list(tool.parameters["required"]),
            )
            for tool in tools
        ]
    )


# ------------------------------------------------------------------ one tool


def read_tool(given: JsonObject) -> Tool | None:
    """One tool, or None for an unserved type and for a name that vendors refuse."""
    if _text(given.get("type")) not in set(Kind):
        return None
    kind = Kind(given["type"])
    function = _object(given.get("function"))
    places = tuple(_objects(given.get("destinations")))
    name = function.get("name") or (None if kind is Kind.FUNCTION else kind.value)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return None
    described, parameters = BUILT_IN.get(kind, ("", NOTHING))
    own = function.get("parameters") or (_choice(places) if places else None)
    return Tool(
        kind,
        name,
        _text(function.get("description")) or described + _about(places),
        _schema(own) if own else parameters,
        server=server_of(given),
        is_async=given.get("async") is True,
        messages=tuple(_messages(given)),
        destinations=places,
    )


def _as_tool(function: JsonObject) -> JsonObject:
    """An older function as a tool: its server stands beside its name."""
    return {**function, "type": Kind.FUNCTION.value, "function": function}


def _flagged(assistant: JsonObject) -> Iterator[Tool]:
    """The older flags, as the tools that replaced them."""
    if assistant.get("endCallFunctionEnabled") is True:
        yield from _known({"type": Kind.END_CALL})
    if assistant.get("dialKeypadFunctionEnabled") is True:
        yield from _known({"type": Kind.DTMF})
    places = [*_forwarding(assistant)]
    if places:
        yield from _known({"type": Kind.TRANSFER_CALL, "destinations": places})


def _known(given: JsonObject) -> Iterator[Tool]:
    tool = read_tool(given)
    if tool is not None:
        yield tool


def _forwarding(assistant: JsonObject) -> Iterator[JsonObject]:
    one = _text(assistant.get("forwardingPhoneNumber"))
    if one:
        yield {"type": "number", "number": one}
    for place in _objects(assistant.get("forwardingPhoneNumbers")):
        kind = "sip" if place.get("sipUri") else "number"
        if _address({**place, "type": kind}) not in {"", one}:
            yield {**place, "type": kind}


# ------------------------------------------------------------------ its parameters and messages


def _choice(places: Sequence[JsonObject]) -> JsonObject:
    """The parameter that lets the model choose a destination by its number or URI."""
    known = [address for address in map(_address, places) if address]
    about = "The destination to transfer the call to."
    return {
        "type": "object",
        "properties": {"destination": {"type": "string", "enum": known, "description": about}},
        "required": ["destination"],
    }


def _about(places: Sequence[JsonObject]) -> str:
    """The descriptions of the destinations, for the tool's own description."""
    told = ((_address(place), _text(place.get("description"))) for place in places)
    return "".join(f" {address}: {text}" for address, text in told if address and text)


def _address(place: JsonObject) -> str:
    return _text(place.get("sipUri" if place.get("type") == "sip" else "number"))


def _schema(given: Any) -> JsonObject:
    """The schema with ``properties`` and ``required``, which every vendor demands."""
    schema = _object(given)
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return {
        **schema,
        "type": "object",
        "properties": _object(schema.get("properties")),
        "required": [name for name in names if isinstance(name, str)],
    }


def _messages(given: JsonObject) -> Iterator[Message]:
    for message in _objects(given.get("messages")):
        content = _text(message.get("content"))
        if not content or _text(message.get("type")) not in set(ToolMessageType):
            continue
        yield Message(
            ToolMessageType(message["type"]),
            content,
            delay_seconds=_seconds(message.get("timingMilliseconds")),
            waits=message.get("blocking") is True,
            role="system" if message.get("role") == "system" else "assistant",
            ends_call=message.get("endCallAfterSpokenEnabled") is True,
            conditions=tuple(_objects(message.get("conditions"))),
        )


def _seconds(milliseconds: Any) -> float:
    known = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
    return milliseconds / 1000 if known else DELAY_SECONDS


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[JsonObject]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
