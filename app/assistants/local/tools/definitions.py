"""A tool in one shape, whatever form the assistant has it in. Pure. https://docs.vapi.ai/tools"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.assistant.config import Server
from providers.common.json_types import JsonObject

if TYPE_CHECKING:
    from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema


class Kind(StrEnum):
    """Vapi's ``type`` of a tool."""

    FUNCTION = "function"
    """Calls the client's server."""
    API_REQUEST = "apiRequest"
    END_CALL = "endCall"
    TRANSFER_CALL = "transferCall"
    DTMF = "dtmf"
    VOICEMAIL = "voicemail"
    SMS = "sms"
    QUERY = "query"
    """Searches in knowledge bases."""
    MCP = "mcp"
    """A server's tools, which are listed when the call begins; or one of them."""
    HANDOFF = "handoff"
    """Hands the call to another assistant."""
    TRANSFER_SUCCESSFUL = "transferSuccessful"
    """Connects the operator of a warm transfer with the caller. Of transfer assistants only."""
    TRANSFER_CANCEL = "transferCancel"
    """Gives the caller back to the assistant. Of transfer assistants only."""


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
    """Of ``TRANSFER_CALL`` and ``HANDOFF``: Vapi's. Empty: the server is asked for one."""
    is_older: bool = False
    """Of ``model.functions``: its server gets Vapi's legacy ``function-call`` message."""
    remote: str = ""
    """Of ``MCP``: its name at the server. Empty: the server itself, with all its tools."""
    json: JsonObject = field(default_factory=dict, repr=False, compare=False)
    """The tool as the client wrote it, with its secrets."""


NOTHING: JsonObject = {"type": "object", "properties": {}, "required": []}
MENU_TOOLS = [Tool(kind, kind.value, "", NOTHING) for kind in (Kind.END_CALL, Kind.TRANSFER_CALL)]
"""The tools that the embedded menu calls."""


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
