"""The client's server of a test: takes server messages, and answers tool calls.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from app.cli.scenarios.asgi import Send, respond
from app.cli.scenarios.schema import ToolAnswer
from app.cli.scenarios.script import TOOL_CALLS, Script
from providers.common.json_types import JsonDict, JsonObject


async def answer(script: Script, asked: JsonObject, send: Send) -> None:
    """Take one server message."""
    message: JsonObject = asked.get("message") or {}
    script.receive(message)
    if message.get("type") != TOOL_CALLS:
        await respond(send, 200, b"{}")
        return
    results = list[JsonDict]()
    for call in message.get("toolCallList", ()):
        name = str((call.get("function") or call).get("name"))
        given = script.scenario.tools.get(name)
        if given is None:
            script.problem(f"tools has no answer for {name}, which was called")
            given = ToolAnswer(error="The test has no answer for this tool.")
        await asyncio.sleep(given.delay_ms / 1000)
        if given.status is not None:
            await respond(send, given.status, b"{}")
            return
        results.append({"toolCallId": call.get("id"), "name": name, **_result(given)})
    await respond(send, 200, json.dumps({"results": results}).encode())


def _result(given: ToolAnswer) -> dict[str, Any]:
    if given.error is not None:
        return {"error": given.error}
    result = given.result
    return {"result": result if isinstance(result, str) else json.dumps(result)}
