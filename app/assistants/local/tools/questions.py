"""The message that asks a server for a function, in each of Vapi's spellings. Pure.

Programs of several years read it in different places, so one call is written in all of them.
https://docs.vapi.ai/tools/custom-tools#request-format
"""

from __future__ import annotations

from app.assistants.local.tools.definitions import Tool
from app.domain.assistant.secrets import without_secrets
from providers.common.json_types import JsonDict, JsonObject


def question(tool: Tool, call_id: str, arguments: JsonObject) -> tuple[str, JsonDict]:
    """The message's type, and its fields."""
    given = dict(arguments)
    if tool.is_older:
        return "function-call", {"functionCall": {"name": tool.name, "parameters": given}}
    names = {"id": call_id, "type": "function", "name": tool.name}
    function = {"name": tool.name, "arguments": given}
    call = {**names, "parameters": given, "arguments": given, "function": function}
    beside = {**call, "function": {**function, "parameters": given}}
    return "tool-calls", {
        "toolCallList": [call],
        "toolCalls": [call],
        "toolWithToolCallList": [{**_described(tool), "toolCall": beside}],
    }


def _described(tool: Tool) -> JsonDict:
    """The tool as its assistant has it, without secrets, and as the model has it."""
    public = without_secrets(tool.json)
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return {**public, "type": "function", **function, "function": function}
