"""Reads an assistant's tools: Vapi's ``model.tools``, the older ``model.functions`` and flags.

Types that are not served here are left out. Pure. https://docs.vapi.ai/tools
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.assistants.local.tools.definitions import NOTHING, Kind, Tool
from app.assistants.local.tools.handoff_function import (
    handoff_description,
    handoff_name,
    handoff_schema,
    name_of,
)
from app.assistants.local.tools.messages import read_messages
from app.assistants.local.tools.request_schema import offered
from app.domain.assistant import knowledge, squad, tool_types
from app.domain.assistant.config import AssistantConfig, server_of
from app.domain.assistant.fields import Json, object_of, objects_of, text_of, texts_of
from app.domain.assistant.history import is_handoff
from app.domain.assistant.tool_parts import NAME, NOT_OFFERED, problems
from providers.common.json_types import JsonObject

KEYS: JsonObject = {
    "type": "object",
    "properties": {
        "dtmf": {"type": "string", "description": "The keys to press: 0-9, * and #; w waits."}
    },
    "required": ["dtmf"],
}
TEXT: JsonObject = {
    "type": "object",
    "properties": {
        "content": {"type": "string", "description": "The text of the message."},
        "to": {
            "type": "string",
            "description": "The number in E.164 format, only if it is not the caller's own.",
        },
    },
    "required": ["content"],
}
QUESTION: JsonObject = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to look for."}},
    "required": ["query"],
}
REASON: JsonObject = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "Why this person does not take the call."}
    },
    "required": [],
}
# The description and parameters of a tool that has none.
BUILT_IN: Mapping[Kind, tuple[str, JsonObject]] = {
    Kind.END_CALL: ("Use this function to end the call.", NOTHING),
    Kind.TRANSFER_CALL: ("Use this function to transfer the call.", NOTHING),
    Kind.DTMF: ("Use this function to press keys on the phone's keypad.", KEYS),
    Kind.VOICEMAIL: (
        "Use this function when a voicemail system or an answering machine has answered.",
        NOTHING,
    ),
    Kind.SMS: ("Use this function to send a text message to the caller.", TEXT),
    Kind.QUERY: ("", QUESTION),
    Kind.API_REQUEST: ("Use this function to make an API request.", NOTHING),
    Kind.TRANSFER_SUCCESSFUL: (
        "Use this function to connect the caller, once this person is ready to take the call.",
        NOTHING,
    ),
    Kind.TRANSFER_CANCEL: (
        "Use this function to cancel the transfer, when this person does not take the call,"
        " or when no person has answered.",
        REASON,
    ),
}


def read_tools(assistant: AssistantConfig) -> list[Tool]:
    """Read every tool, each name once. Current forms win over older ones."""
    return [tool for tool in _read_all(assistant) if tool.kind not in tool_types.OF_OPERATORS]


def read_operators_tools(assistant: AssistantConfig) -> list[Tool]:
    """Read a transfer assistant's tools, with the two that end its talk.

    An embedded menu ends the transfer with its ``endCall``. No other tool has the name of one of
    the two: vendors refuse two of one name.
    """
    found = [each for each in _read_all(assistant) if each.kind not in tool_types.NOT_OF_OPERATORS]
    worded = [each for each in found if each.kind in tool_types.OF_OPERATORS]
    kinds = {tool.kind for tool in worded}
    own = [{"type": kind} for kind in sorted(tool_types.OF_OPERATORS - kinds)]
    ends = [*worded, *(tool for each in own if (tool := read_tool(each)))]
    taken = {tool.name for tool in ends}
    return [*(each for each in found if each.name not in taken), *ends]


def _read_all(assistant: AssistantConfig) -> list[Tool]:
    model = assistant.model
    found = dict[str, Tool]()
    current = map(read_tool, objects_of(model, "tools"))
    for tool in (*current, *map(_read_older, objects_of(model, "functions"))):
        if tool is not None:
            found.setdefault(_key(tool, len(found)), tool)
    for tool in _of_knowledge(object_of(model, "knowledgeBase")):
        found.setdefault(tool.name, tool)
    for given in _of_squad(assistant.json):
        tool = read_tool(_joined(given, found.values()))
        if tool is not None:
            found[tool.name] = tool
    kinds = {tool.kind for tool in found.values()}
    for tool in _flagged(assistant.json):
        if tool.kind not in kinds:
            found.setdefault(tool.name, tool)
    return list(found.values())


def left_out(assistant: AssistantConfig, *, of_operator: bool = False) -> Iterator[str]:
    """A sentence for each tool that the model is not offered.

    ``of_operator``: it is a transfer assistant, which talks with an operator.
    """
    judge = tool_types.operators_problem if of_operator else tool_types.problem
    for given in objects_of(assistant.model, "tools"):
        kind = text_of(given, "type")
        why = judge(kind)
        lacks = (f"{name} {lack}" for name, lack in problems(given) if lack.endswith(NOT_OFFERED))
        named = text_of(object_of(given, "function"), "name")
        if of_operator and named in tool_types.OF_OPERATORS and kind not in tool_types.OF_OPERATORS:
            why = why or f"{named} is the name of a tool that ends the talk"
        if why := why or next(lacks, None):
            yield f"{kind}: {why}"


def _key(tool: Tool, place: int) -> str:
    """What is there once: a name. Of MCP servers each one counts."""
    return f" {place}" if tool.kind is Kind.MCP else tool.name


def schema_of(given: Any) -> JsonObject:
    """The schema with ``properties`` and ``required``, which every vendor demands."""
    schema: JsonObject = given if isinstance(given, Mapping) else {}
    return {
        **schema,
        "type": "object",
        "properties": object_of(schema, "properties"),
        "required": texts_of(schema, "required"),
    }


def read_tool(given: JsonObject) -> Tool | None:
    """One tool, or None for an unserved type and for a name that vendors refuse."""
    if text_of(given, "type") not in set(Kind):
        return None
    kind = Kind(given["type"])
    function = object_of(given, "function")
    places = tuple(objects_of(given, "destinations"))
    name = _name(kind, given, function)
    bases = objects_of(given, "knowledgeBases")
    if not NAME.fullmatch(name) or (kind is Kind.QUERY and not bases):
        return None
    described, parameters = BUILT_IN.get(kind, ("", NOTHING))
    own = _own_parameters(kind, given, function)
    if not own and places:
        own = handoff_schema(places) if kind is Kind.HANDOFF else _choice(places)
    about = text_of(given, "description") if kind is Kind.API_REQUEST else ""
    if kind is Kind.HANDOFF:
        about = text_of(function, "description") or handoff_description(name, places)
    if kind is Kind.QUERY:
        described = knowledge.description(bases)
    return Tool(
        kind,
        name,
        about or text_of(function, "description") or described + _about(places),
        schema_of(own) if own else parameters,
        server=server_of(given),
        is_async=given.get("async") is True,
        messages=tuple(read_messages(given)),
        destinations=places,
        json=given,
    )


def _name(kind: Kind, given: JsonObject, function: JsonObject) -> str:
    """The name that the model gets. An API request has it beside its function."""
    named = text_of(function, "name")
    if kind is Kind.API_REQUEST:
        named = text_of(given, "name") or named
    if kind is Kind.HANDOFF and not named:
        return handoff_name(objects_of(given, "destinations"))
    return named or ("" if kind is Kind.FUNCTION else kind.value)


def _own_parameters(kind: Kind, given: JsonObject, function: JsonObject) -> JsonObject:
    body = object_of(given, "body")
    if kind is Kind.API_REQUEST and body:
        return offered(body)
    return object_of(function, "parameters")


def _read_older(function: JsonObject) -> Tool | None:
    """An older function as a tool: its server stands beside its name."""
    tool = read_tool({**function, "type": Kind.FUNCTION.value, "function": function})
    return replace(tool, is_older=True) if tool else None


def _of_knowledge(base: Json) -> Iterator[Tool]:
    """The older ``model.knowledgeBase``, as a tool that searches in it."""
    if base:
        name = {"name": "knowledge_base"}
        yield from _known({"type": Kind.QUERY, "function": name, "knowledgeBases": [base]})


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


def _of_squad(assistant: JsonObject) -> Iterator[JsonObject]:
    """``assistantDestinations`` of a squad's member, as the tools that reach them."""
    places = objects_of(assistant, squad.DESTINATIONS)
    newer = [each for each in places if is_handoff(each)]
    older = [each for each in places if not is_handoff(each)]
    if older:
        yield {"type": Kind.TRANSFER_CALL.value, "destinations": older}
    if newer:
        yield {"type": Kind.HANDOFF.value, "destinations": newer}


def _joined(given: JsonObject, known: Iterable[Tool]) -> JsonObject:
    """The tool, or the assistant's own tool that transfers, with these destinations too."""
    if given["type"] != Kind.TRANSFER_CALL:
        return given
    for tool in known:
        if tool.kind is Kind.TRANSFER_CALL and tool.destinations:
            return {**tool.json, "destinations": [*tool.destinations, *given["destinations"]]}
    return given


def _forwarding(assistant: JsonObject) -> Iterator[JsonObject]:
    one = text_of(assistant, "forwardingPhoneNumber")
    if one:
        yield {"type": "number", "number": one}
    for place in objects_of(assistant, "forwardingPhoneNumbers"):
        kind = "sip" if place.get("sipUri") else "number"
        if _address({**place, "type": kind}) not in {"", one}:
            yield {**place, "type": kind}


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
    told = ((_address(place), text_of(place, "description")) for place in places)
    return "".join(f" {address}: {text}" for address, text in told if address and text)


def _address(place: JsonObject) -> str:
    if place.get("type") == squad.ASSISTANT:
        return name_of(place)
    return text_of(place, "sipUri" if place.get("type") == "sip" else "number")
