"""Transfers for an assistant that talks at an upstream. Pure.

An upstream cannot transfer a call in bypass mode. So its model gets a function in place of each
``transferCall``, which asks this installation: the leg is here.
"""

from __future__ import annotations

from contextlib import suppress

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject

TOOL = "transferCall"
NAME = "transferToDestination"
"""The function. One that is called ``transferCall`` would be the upstream's own."""
ADDRESSES = {"number": "number", "sip": "sipUri"}
"""Type of a destination that a leg can be sent to -> the field that names it."""
DESCRIPTION = "Transfers the call to a person."


def destinations(tools: list[Json]) -> list[JsonDict]:
    """Those of all ``transferCall`` tools that a leg can be sent to."""
    given = [each for tool in tools if tool.get("type") == TOOL for each in _of(tool)]
    return [dict(each) for each in given if address(each)]


def _of(tool: Json) -> list[Json]:
    return objects_of(tool, "destinations")


def address(destination: Json) -> str:
    """The number or SIP URI; empty for another type."""
    return text_of(destination, ADDRESSES.get(text_of(destination, "type"), ""))


def function(tools: list[Json]) -> list[JsonDict]:
    """The one function in place of these tools; none if they name no destination."""
    found = destinations(tools)
    if not found:
        return []
    told = [text_of(object_of(tool, "function"), "description") for tool in tools]
    lines = [f"{address(each)}: {text_of(each, 'description')}".rstrip(": ") for each in found]
    wanted = {
        "type": "string",
        "enum": list(dict.fromkeys(map(address, found))),
        "description": "\n".join(lines),
    }
    described = {
        "name": NAME,
        "description": next(filter(None, told), DESCRIPTION),
        "parameters": {
            "type": "object",
            "properties": {"destination": wanted},
            "required": ["destination"],
        },
    }
    return [{"type": "function", "function": described}]


def chosen(assistant: AssistantConfig, arguments: object) -> JsonObject | None:
    """The destination that the model has named."""
    tools = objects_of(object_of(assistant.json, "model"), "tools")
    if isinstance(arguments, str):  # as OpenAI writes them
        with suppress(ValueError):
            arguments = foreign_json.parse(arguments)
    wanted = arguments.get("destination") if isinstance(arguments, dict) else None
    return next((each for each in destinations(tools) if address(each) == wanted), None)
