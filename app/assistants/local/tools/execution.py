"""Takes the model's calls of tools: runs them, speaks about them, and answers the model.

The model gets a failure as the result and may do better. Repeated failures end the call.
https://docs.vapi.ai/tools/custom-tools https://docs.vapi.ai/tools/default-tools
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from app.assistants.local.control import PipelineControl
from app.assistants.local.tools import api_request, mcp_tools
from app.assistants.local.tools.definitions import Kind, Tool, ToolMessageType, tools_schema
from app.assistants.local.tools.extraction import learn
from app.assistants.local.tools.fillers import Fillers
from app.assistants.local.tools.reading import read_tool
from app.assistants.local.tools.run import SERVER_SECONDS, Outcome, Run, ToolFailed
from app.assistants.local.tools.runners import RUNNERS, Runner
from app.media.call_context import CallContext
from app.media.stream import now
from app.telemetry import tracing
from app.telemetry.call_log import call_log
from app.vendors.common.speech_model import SpeechModel
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

# Failures in a row of one sort (server, built-in) that end the call.
TRIES = 2
# MCP servers of one assistant.
MOST_SERVERS = 10
# Beyond the time of a tool's server: its words before, and the carrier's API.
GRACE_SECONDS = 40.0

log = call_log(__name__)


class ToolExecutor:
    """Runs the tools of one conversation."""

    def __init__(
        self,
        engine: PipelineControl,
        call_context: CallContext,
        tools: Sequence[Tool],
        values: JsonDict | None = None,
    ) -> None:
        """``values``: those of templates, which tools may add to."""
        self._engine = engine
        self._call_context = call_context
        self._tools = {tool.name: tool for tool in tools if tool.kind is not Kind.MCP}
        self._servers = [tool for tool in tools if tool.kind is Kind.MCP]
        self._values = {} if values is None else values
        self._failures = dict[EndedReason, int]()
        self._background = set[asyncio.Task[None]]()

    def equip(self, model: Any) -> None:
        """Register the tools with the model. Those of MCP servers follow once they are listed."""
        self._register(model, list(self._tools.values()))
        for server in self._servers[:MOST_SERVERS]:
            self._beside(self._list(model, server))

    def _register(self, model: Any, tools: Sequence[Tool]) -> None:
        if not tools:
            return
        for tool in tools:
            model.register_function(tool.name, self._handle, timeout_secs=longest_seconds(tool))
        schema = tools_schema(list(self._tools.values()))
        self._engine.context.set_tools(schema)
        if isinstance(model, SpeechModel):  # it gets no context with each request
            model.offer(schema)

    async def _list(self, model: Any, server: Tool) -> None:
        """Add an MCP server's tools. The call goes on without those of one that is down."""
        run = self._run(server, "", {})
        try:
            listed = await mcp_tools.list_tools(run)
        except ToolFailed as failure:
            log.warning("the tools of %s were not listed: %s", server.name, run.shown(failure))
            return
        added = list[Tool]()
        for each in listed:
            name = mcp_tools.name_beside(self._tools, each, server)
            if name is not None:
                self._tools[name] = replace(each, name=name)
                added.append(self._tools[name])
        self._register(model, added)

    def _run(self, tool: Tool, call_id: str, arguments: JsonObject) -> Run:
        return Run(tool, call_id, arguments, self._engine, self._call_context, self._values)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the conversation."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def run_for_hook(self, given: JsonObject) -> None:
        """Run a tool of the client's JSON without the model. The conversation has its result."""
        tool = read_tool(given)
        if tool is None or tool.kind is Kind.MCP:
            log.warning("a hook cannot run a tool of type %s", given.get("type"))
            return
        run = self._run(tool, f"hook_{uuid.uuid4().hex}", {})
        said = self._engine.conversation.called([_as_call(run)])
        self._engine.changed("tool", said)
        try:
            outcome = await _complete(RUNNERS[tool.kind], run)
        except ToolFailed as failure:
            log.warning("a hook's tool %s failed: %s", tool.name, run.shown(failure))
            outcome = Outcome(f"Error: {failure}")
        if not outcome.is_told:
            said = self._engine.conversation.answered(tool.name, run.call_id, outcome.text)
            self._engine.changed("tool", said)

    async def _handle(self, params: FunctionCallParams) -> None:
        tool, arguments = self._tools[params.function_name], dict(params.arguments)
        run = self._run(tool, params.tool_call_id, arguments)
        runner = RUNNERS[tool.kind]
        said = self._engine.conversation.called([_as_call(run)])
        self._engine.changed("tool", said)
        if tool.is_async:
            await self._start(params, run, runner)
            return
        try:
            outcome = await _complete(runner, run)
        except ToolFailed as failure:
            await self._failed(params, run, runner, failure)
            return
        self._failures.pop(runner.failed, None)
        await self._answer(params, tool, outcome)

    async def _start(self, params: FunctionCallParams, run: Run, runner: Runner) -> None:
        """Run it beside the conversation, and answer the model at once."""
        self._beside(_in_background(runner, run))
        await self._answer(params, run.tool, await _spoken(run, Outcome("The tool was started.")))

    async def _failed(
        self, params: FunctionCallParams, run: Run, runner: Runner, failure: ToolFailed
    ) -> None:
        log.warning("tool %s failed: %s", run.tool.name, run.shown(failure))
        count = 0 if failure.told else self._failures.get(runner.failed, 0) + 1
        self._failures[runner.failed] = count
        if count >= TRIES:
            await self._engine.abort(runner.failed, f"{run.tool.name}: {run.shown(failure)}")
            return
        message = failure.message or run.words(ToolMessageType.FAILED)
        outcome = await _about(run, Outcome(f"Error: {failure}", message=message))
        await self._answer(params, run.tool, outcome)

    async def _answer(self, params: FunctionCallParams, tool: Tool, outcome: Outcome) -> None:
        if not outcome.is_told:
            call_id = params.tool_call_id
            said = self._engine.conversation.answered(tool.name, call_id, outcome.text)
            self._engine.changed("tool", said)
        await params.result_callback(
            _for_model(outcome.text),
            properties=FunctionCallResultProperties(run_llm=not outcome.spoken),
        )


async def _complete(runner: Runner, run: Run) -> Outcome:
    """Run the tool, with its words before, meanwhile and after. Raises ``ToolFailed``."""
    if runner.has_own_words:
        return await _guarded(runner, run)
    async with Fillers(run):
        outcome = await _guarded(runner, run)
    learn(run, outcome)
    return await _spoken(run, outcome)


async def _guarded(runner: Runner, run: Run) -> Outcome:
    """Run it. A fault of ours, or of another package's carrier, is a failure like any other."""
    began, failed = now(), True
    try:
        outcome = await runner.run(run)
        failed = False
        return outcome
    except ToolFailed:
        raise
    except Exception as error:  # else the model would wait for its answer
        kept = not run.call_context.keeps_no_record
        log.error("tool %s failed: %s", run.tool.name, type(error).__name__, exc_info=kept)
        raise ToolFailed("the tool failed") from error
    finally:
        tracing.span("tool", now() - began, {"patchbay.tool": run.tool.name, "error": failed})


async def _spoken(run: Run, outcome: Outcome) -> Outcome:
    """The outcome, once its words or those of the tool were spoken."""
    own = run.words(ToolMessageType.COMPLETE)
    return await _about(run, replace(outcome, message=outcome.message or own))


async def _about(run: Run, outcome: Outcome) -> Outcome:
    """Speak the outcome's message, or add it for the model where it is a hint."""
    message = outcome.message
    if message is None:
        return outcome
    if message.role == "system":
        return replace(outcome, text=f"{outcome.text}\n{message.content}".strip())
    await run.speak_last(message)
    return replace(outcome, spoken=True)


async def _in_background(runner: Runner, run: Run) -> None:
    try:
        await _guarded(runner, run)
    except ToolFailed as failure:
        log.warning("tool %s failed: %s", run.tool.name, run.shown(failure))


def longest_seconds(tool: Tool) -> float:
    """How long pipecat waits for the tool: longer than the tool waits for its server."""
    if tool.kind is Kind.API_REQUEST:
        return api_request.longest_seconds(tool.json) + GRACE_SECONDS
    policy = tool.server.policy if tool.server else {}
    return float(policy.get("timeoutSeconds") or SERVER_SECONDS) + GRACE_SECONDS


def _as_call(run: Run) -> JsonDict:
    arguments = json.dumps(run.arguments, ensure_ascii=False)
    function = {"name": run.tool.name, "arguments": arguments}
    return {"id": run.call_id, "type": "function", "function": function}


def _for_model(result: str) -> Any:
    """A JSON result as an object: pipecat serialises it again, and would quote a text."""
    if result[:1] in {"{", "["}:
        with suppress(ValueError):
            return foreign_json.parse(result)
    return result
