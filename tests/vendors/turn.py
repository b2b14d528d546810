"""One turn of a model: the real service in a pipeline of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import ErrorFrame, Frame, LLMContextFrame, LLMTextFrame, MetricsFrame
from pipecat.metrics.metrics import LLMUsageMetricsData
from pipecat.pipeline.worker import PipelineParams
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams, LLMService
from pipecat.tests.utils import run_test

from app.assistants.local.tools.definitions import Tool, tools_schema

METERED = PipelineParams(enable_metrics=True, enable_usage_metrics=True)
START_SECONDS = 20.0
"""Until a test gives up on the pipeline's start."""


@dataclass(frozen=True)
class Turn:
    """What came of it."""

    down: Sequence[Frame]
    up: Sequence[Frame]
    called: Sequence[tuple[str, dict[str, Any]]]

    @property
    def text(self) -> str:
        return "".join(frame.text for frame in self.down if isinstance(frame, LLMTextFrame))

    @property
    def errors(self) -> list[ErrorFrame]:
        return [frame for frame in self.up if isinstance(frame, ErrorFrame)]

    @property
    def usage(self) -> list[tuple[int, int]]:
        """(prompt, completion) tokens of each report."""
        frames = (frame for frame in self.down if isinstance(frame, MetricsFrame))
        data = (item for frame in frames for item in frame.data)
        used = (item.value for item in data if isinstance(item, LLMUsageMetricsData))
        return [(tokens.prompt_tokens, tokens.completion_tokens) for tokens in used]


async def turn(
    service: LLMService[Any],
    messages: Sequence[Any] = ({"role": "user", "content": "Hello."},),
    tools: Sequence[Tool] = (),
) -> Turn:
    """The answer to these messages."""
    called = list[tuple[str, dict[str, Any]]]()

    async def handle(params: FunctionCallParams) -> None:
        called.append((params.function_name, dict(params.arguments)))
        await params.result_callback({"done": True})

    for tool in tools:
        service.register_function(tool.name, handle)
    context = LLMContext(list(messages), tools_schema(tools))
    down, up = await run_test(
        service,
        frames_to_send=[LLMContextFrame(context)],
        pipeline_params=METERED,
        start_timeout=START_SECONDS,
    )
    return Turn(down, up, called)
