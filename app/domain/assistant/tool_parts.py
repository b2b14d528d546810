"""What a tool lacks to be of use, by its type. Pure.

Vapi refuses some of these, and finds others in a call. Here they are told with the assistant.
https://docs.vapi.ai/tools
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from app.domain.assistant.fields import Json, object_of, objects_of, text_of, texts_of
from app.domain.assistant.knowledge import CUSTOM

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
"""What every vendor of models takes as the name of a tool."""
NOT_OFFERED = "the model is not offered it"
PROTOCOLS = ("shttp", "sse")
"""Of an MCP server. https://docs.vapi.ai/tools/mcp"""
MESSAGES = ("request-start", "request-response-delayed", "request-complete", "request-failed")
"""Types of a tool's messages."""
Problems = Iterator[tuple[str, str]]
"""A field of the tool, and a clause about it."""

FIELDS: Mapping[str, frozenset[str]] = {
    "backoffPlan": frozenset({"apiRequest"}),
    "body": frozenset({"apiRequest"}),
    "credentialId": frozenset({"apiRequest"}),
    "defaultResult": frozenset({"handoff"}),
    "description": frozenset({"apiRequest"}),
    "destinations": frozenset({"transferCall", "handoff"}),
    "headers": frozenset({"apiRequest"}),
    "knowledgeBases": frozenset({"query"}),
    "metadata": frozenset({"mcp", "sms"}),
    "method": frozenset({"apiRequest"}),
    "name": frozenset({"apiRequest"}),
    "parameters": frozenset({"apiRequest", "function"}),
    "server": frozenset({"function", "handoff", "mcp", "transferCall"}),
    "serverUrl": frozenset({"function", "handoff", "mcp", "transferCall"}),
    "serverUrlSecret": frozenset({"function", "handoff", "mcp", "transferCall"}),
    "timeoutSeconds": frozenset({"apiRequest"}),
    "toolMessages": frozenset({"mcp"}),
    "url": frozenset({"apiRequest"}),
    "variableExtractionPlan": frozenset({"apiRequest", "function", "mcp"}),
}
"""Fields of some types only, with these types."""


def is_used(name: str, kind: str) -> bool:
    """Whether a tool of this type reads the field."""
    return name not in FIELDS or kind in FIELDS[name]


def problems(tool: Json) -> Problems:
    """Why a tool of a served type has less effect than it looks."""
    kind = text_of(tool, "type")
    if not kind:
        yield "type", f"is missing: {NOT_OFFERED}"
        return
    yield from _name_problems(tool, kind)
    for number, message in enumerate(objects_of(tool, "messages")):
        if text_of(message, "type") not in MESSAGES:
            given = text_of(message, "type")[:40]
            yield f"messages.{number}.type", f"{given!r} is none of {', '.join(MESSAGES)}"
    if check := PARTS.get(kind):
        yield from check(tool)


def _name_problems(tool: Json, kind: str) -> Problems:
    function = text_of(object_of(tool, "function"), "name")
    own = text_of(tool, "name") if kind == "apiRequest" else ""
    field = "name" if own else "function.name"
    name = own or function
    if name and not NAME.fullmatch(name):
        yield field, f"must be 1 to 64 letters, digits, _ and -: {NOT_OFFERED}"
    if not name and kind == "function":
        yield field, f"is missing: {NOT_OFFERED}"


def _api_request(tool: Json) -> Problems:
    if not text_of(tool, "url"):
        yield "url", "is missing: every call of the tool fails"


def _mcp(tool: Json) -> Problems:
    if not _has_server(tool):
        yield "server.url", "is missing: the server's tools are not offered"
    protocol = text_of(object_of(tool, "metadata"), "protocol")
    if protocol and protocol not in PROTOCOLS:
        yield "metadata.protocol", f"{protocol[:40]!r} is none of {', '.join(PROTOCOLS)}"


def _query(tool: Json) -> Problems:
    bases = objects_of(tool, "knowledgeBases")
    if not bases:
        yield "knowledgeBases", f"is missing: {NOT_OFFERED}"
    for number, base in enumerate(bases):
        path = f"knowledgeBases.{number}"
        if base.get("provider") == CUSTOM:
            if not _has_server(base):
                yield f"{path}.server.url", "is missing: the search fails"
        elif not texts_of(base, "fileIds"):
            yield f"{path}.fileIds", "is missing: nothing is found"


def _transfer(tool: Json) -> Problems:
    for number, place in enumerate(objects_of(tool, "destinations")):
        kind = text_of(place, "type")
        needed = {"number": "number", "sip": "sipUri"}.get(kind)
        if not kind:
            yield f"destinations.{number}.type", "is missing: a transfer there fails"
        elif needed and not text_of(place, needed):
            yield f"destinations.{number}.{needed}", "is missing: a transfer there fails"


def _has_server(holder: Json) -> bool:
    return bool(text_of(object_of(holder, "server"), "url") or text_of(holder, "serverUrl"))


PARTS: Mapping[str, Callable[[Json], Problems]] = {
    "apiRequest": _api_request,
    "mcp": _mcp,
    "query": _query,
    "transferCall": _transfer,
}
