"""Runs tool calls: functions on servers, and the built-in tools to end, transfer and press keys.

The model gets a failure as the result and may do better. Repeated failures end the call.
https://docs.vapi.ai/tools/custom-tools https://docs.vapi.ai/tools/default-tools
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from app.assistants.local.control import PipelineControl
from app.assistants.local.tools.definitions import (
    Kind,
    Message,
    Tool,
    ToolMessageType,
    tools_schema,
)
from app.media.call_context import CallContext
from providers.common import foreign_json
from providers.common.audio import silence
from providers.common.dtmf import tone
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

# https://docs.vapi.ai/server-url#timeouts
SERVER_SECONDS = 20.0
# Failures in a row of one sort (server, built-in) that end the call.
TRIES = 2
TRANSFERRING = "Transferring the call now."
# Characters of a result that the model gets.
MAX_RESULT = 16_000
KEYS = re.compile(r"[0-9*#A-Dw, ]{1,50}", re.ASCII)
# A ``w`` among the keys.
PAUSE_MS = 500
GAP_MS = 80

log = logging.getLogger(__name__)


# The tools that the embedded menu calls.
MENU_TOOLS = [
    Tool(kind, kind.value, "", {"type": "object", "properties": {}, "required": []})
    for kind in (Kind.END_CALL, Kind.TRANSFER_CALL)
]


class ToolFailed(Exception):
    """The tool had no effect. The text goes to the model, and to the operator."""


class ToolExecutor:
    """Runs the tools of one conversation."""

    def __init__(
        self, engine: PipelineControl, call_context: CallContext, tools: list[Tool], older: set[str]
    ) -> None:
        """``older``: functions whose server gets Vapi's legacy ``function-call`` message."""
        self._engine = engine
        self._call_context = call_context
        self._tools = {tool.name: tool for tool in tools}
        self._older = older
        self._failures = dict[bool, int]()
        self._background = set[asyncio.Task[None]]()

    def equip(self, model: Any) -> None:
        """Register the tools with the model."""
        if not self._tools:
            return
        self._engine.context.set_tools(tools_schema(list(self._tools.values())))
        for tool in self._tools.values():
            model.register_function(tool.name, self._handle, timeout_secs=SERVER_SECONDS + 10)

    async def _handle(self, params: FunctionCallParams) -> None:
        tool, arguments = self._tools[params.function_name], dict(params.arguments)
        self._log_call(tool, params.tool_call_id, arguments)
        if tool.is_async:
            task = asyncio.create_task(self._in_background(tool, params.tool_call_id, arguments))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
            await self._answer(params, tool, "The tool was started.")
            return
        built_in = tool.kind is not Kind.FUNCTION
        try:
            result, speaks = await self._run(tool, params.tool_call_id, arguments)
        except ToolFailed as failure:
            await self._failed(params, tool, built_in, str(failure), arguments)
            return
        self._failures.pop(built_in, None)
        await self._answer(params, tool, result, run_model=not speaks)

    async def _run(self, tool: Tool, call_id: str, arguments: JsonObject) -> tuple[str, bool]:
        """Return the result, and whether it was spoken. The model stays silent then."""
        if tool.kind is not Kind.FUNCTION:
            result = await BUILT_IN[tool.kind](self, tool, arguments)
            return result, tool.kind is not Kind.DTMF
        async with _Fillers(self._engine, tool, arguments):
            result = await self._ask(tool, call_id, arguments)
        done = _message(tool, ToolMessageType.COMPLETE, arguments)
        if done is None or done.role == "system":
            hint = f"\n{done.content}" if done else ""
            return result + hint, False
        if done.ends_call:
            await self._engine.finish(EndedReason.ASSISTANT_ENDED_CALL, done.content)
        else:
            await self._engine.say(done.content)
        return result, True

    async def _failed(
        self,
        params: FunctionCallParams,
        tool: Tool,
        built_in: bool,
        text: str,
        arguments: JsonObject,
    ) -> None:
        log.warning("tool %s failed: %s", tool.name, text)
        count = self._failures[built_in] = self._failures.get(built_in, 0) + 1
        if count >= TRIES:
            reason = (
                EndedReason.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED
                if built_in
                else EndedReason.PIPELINE_ERROR_FUNCTION_FAILED
            )
            await self._engine.abort(reason, f"{tool.name}: {text}")
            return
        message = _message(tool, ToolMessageType.FAILED, arguments)
        if message is not None and message.ends_call:
            await self._engine.finish(EndedReason.ASSISTANT_ENDED_CALL, message.content)
        elif message is not None:
            await self._engine.say(message.content)
        await self._answer(params, tool, f"Error: {text}", run_model=message is None)

    async def _answer(
        self, params: FunctionCallParams, tool: Tool, result: str, *, run_model: bool = True
    ) -> None:
        said = self._engine.conversation.answered(tool.name, params.tool_call_id, result)
        self._engine.changed("tool", said)
        await params.result_callback(
            _for_model(result), properties=FunctionCallResultProperties(run_llm=run_model)
        )

    async def _in_background(self, tool: Tool, call_id: str, arguments: JsonObject) -> None:
        try:
            await self._ask(tool, call_id, arguments)
        except ToolFailed as failure:
            log.warning("tool %s failed: %s", tool.name, failure)

    def _log_call(self, tool: Tool, call_id: str, arguments: JsonObject) -> None:
        said = self._engine.conversation.called([_as_call(tool, call_id, arguments)])
        self._engine.changed("tool", said)

    # -- a server's function

    async def _ask(self, tool: Tool, call_id: str, arguments: JsonObject) -> str:
        server, seconds = None, SERVER_SECONDS
        if tool.server is not None:
            server = {
                "url": tool.server.url,
                "secret": tool.server.secret,
                "headers": tool.server.headers,
                "credentialId": tool.server.policy.get("credentialId"),
            }
            seconds = float(tool.server.policy.get("timeoutSeconds") or SERVER_SECONDS)
        older = tool.name in self._older
        kind, extra = _question(tool, call_id, arguments, older=older)
        reply = await self._call_context.request(kind, extra, seconds, server)
        if reply.error is not None:
            raise ToolFailed(reply.error)
        return _result(reply.body, call_id, older=older)

    # -- built in

    async def end(self, tool: Tool, arguments: JsonObject) -> str:
        started = _message(tool, ToolMessageType.START, arguments)
        last_words = started.content if started else self._engine.config.end_message
        await self._engine.finish(EndedReason.ASSISTANT_ENDED_CALL, last_words)
        return "The call ends."

    async def transfer(self, tool: Tool, arguments: JsonObject) -> str:
        destination = await self._destination(tool, arguments)
        words = _message(tool, ToolMessageType.START, arguments)
        given = destination.get("message")
        default = "" if tool in MENU_TOOLS else TRANSFERRING  # a menu has spoken its own words
        text = given if isinstance(given, str) else (words.content if words else default)
        if text:
            await self._engine.say_all(text)
        problem = await self._call_context.transfer(destination, "")
        if problem:
            raise ToolFailed(problem)
        return "The call is being transferred."

    async def _destination(self, tool: Tool, arguments: JsonObject) -> JsonObject:
        wanted: Any = arguments.get("destination")
        if isinstance(wanted, Mapping):  # a menu's tool call has the whole destination
            return wanted
        for place in tool.destinations:
            if wanted in (None, place.get("number"), place.get("sipUri")):
                return place
        if tool.destinations:
            raise ToolFailed(f"{wanted} is none of the tool's destinations")
        extra = {"functionCall": {"name": tool.name, "parameters": dict(arguments)}}
        reply = await self._call_context.request(
            "transfer-destination-request", extra, SERVER_SECONDS
        )
        body: Any = _json(reply.body) if reply.error is None else None
        named: Any = body.get("destination") if isinstance(body, Mapping) else None
        if not isinstance(named, Mapping):
            raise ToolFailed(reply.error or "the server named no destination")
        return named

    async def press(self, tool: Tool, arguments: JsonObject) -> str:
        keys = str(arguments.get("dtmf", "")).strip()
        if not KEYS.fullmatch(keys):
            raise ToolFailed(f"{keys[:50]!r} are no keys: 0-9, * and # are")
        rate = self._engine.stream.sample_rate
        sound = b"".join(
            silence(PAUSE_MS, rate) if key in "w, " else tone(key, rate) + silence(GAP_MS, rate)
            for key in keys
        )
        await self._engine.play(sound)
        return f"The keys {keys} were pressed."


BUILT_IN: Mapping[Kind, Callable[[ToolExecutor, Tool, JsonObject], Awaitable[str]]] = {
    Kind.END_CALL: ToolExecutor.end,
    Kind.TRANSFER_CALL: ToolExecutor.transfer,
    Kind.DTMF: ToolExecutor.press,
}


class _Fillers:
    """Speaks a tool's messages while its server works."""

    def __init__(self, engine: PipelineControl, tool: Tool, arguments: JsonObject) -> None:
        self._engine = engine
        self._tool = tool
        self._arguments = arguments
        self._waiting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        start = _message(self._tool, ToolMessageType.START, self._arguments)
        if start is not None and start.role == "assistant":
            if start.waits:
                await self._engine.say_all(start.content, filler=True)
            else:
                await self._engine.say(start.content, filler=True)
        late = _message(self._tool, ToolMessageType.DELAYED, self._arguments)
        if late is not None:
            self._waiting = asyncio.create_task(self._later(late))

    async def __aexit__(self, *_: object) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    async def _later(self, message: Message) -> None:
        await asyncio.sleep(message.delay_seconds)
        await self._engine.say(message.content, filler=True)


def _message(tool: Tool, when: ToolMessageType, arguments: JsonObject) -> Message | None:
    """The first message of this type whose conditions hold for the arguments."""
    return next(
        (
            message
            for message in tool.messages
            if message.when is when and all(_holds(c, arguments) for c in message.conditions)
        ),
        None,
    )


# https://docs.vapi.ai/tools/custom-tools#conditions
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "neq": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "gte": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "lte": lambda a, b: bool(a <= b),
}


def _holds(condition: JsonObject, arguments: JsonObject) -> bool:
    compare = OPERATORS.get(str(condition.get("operator")))
    given = arguments.get(str(condition.get("param")))
    try:
        return compare is not None and compare(given, condition.get("value"))
    except TypeError:  # the values cannot be compared, such as a number and a text
        return False


def _as_call(tool: Tool, call_id: str, arguments: JsonObject) -> JsonDict:
    function = {"name": tool.name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": call_id, "type": "function", "function": function}


def _question(
    tool: Tool, call_id: str, arguments: JsonObject, *, older: bool
) -> tuple[str, JsonDict]:
    if older:
        return "function-call", {"functionCall": {"name": tool.name, "parameters": dict(arguments)}}
    call = {
        "id": call_id,
        "type": "function",
        "name": tool.name,
        "arguments": dict(arguments),
        "function": {"name": tool.name, "arguments": dict(arguments)},
    }
    described = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return "tool-calls", {
        "toolCallList": [call],
        "toolCalls": [call],
        "toolWithToolCallList": [{"type": "function", "function": described, "toolCall": call}],
    }


def _result(body: bytes, call_id: str, *, older: bool) -> str:
    """Read the result. Raises ``ToolFailed`` if it cannot be read, or reports an error."""
    answer = _json(body)
    if older:
        result = answer.get("result") if isinstance(answer, Mapping) else None
        if result is None:
            raise ToolFailed("the server's answer has no result")
        return _text(result)
    results = answer.get("results") if isinstance(answer, Mapping) else None
    mine = [
        each
        for each in (results if isinstance(results, list) else [])
        if isinstance(each, Mapping) and each.get("toolCallId") == call_id
    ]
    if not mine:
        raise ToolFailed("the server's answer has no result of this toolCallId")
    if mine[0].get("error") is not None and mine[0].get("result") is None:
        raise ToolFailed(_text(mine[0]["error"]))
    return _text(mine[0].get("result"))


def _json(body: bytes) -> Any:
    try:
        return foreign_json.parse(body)
    except ValueError as error:
        raise ToolFailed("the server's answer is not JSON") from error


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:MAX_RESULT]


def _for_model(result: str) -> Any:
    """A JSON result as an object: pipecat serialises it again, and would quote a text."""
    if result[:1] in {"{", "["}:
        with suppress(ValueError):
            return foreign_json.parse(result)
    return result
