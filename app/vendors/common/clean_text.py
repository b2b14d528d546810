"""The texts of vendors, without what cannot be sent on or stored. Imports pipecat: load it lazily.

JSON may hold half a surrogate pair, and the models' SDKs cannot encode one. Each request has the
whole conversation, so one such text would fail every later answer of the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pipecat.frames.frames import Frame, FunctionCallFromLLM, TextFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService

from providers.common.foreign_json import clean


class CleanText(FrameProcessor):
    """A mixin, named before a vendor's class: transcriptions and answers are clean."""

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, TextFrame):
            frame.text = clean(frame.text)
        await super().push_frame(frame, direction)


class CleanModel(CleanText, LLMService[Any]):
    """A mixin, named before a vendor's class: the arguments of tools are clean too."""

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        for call in function_calls:
            with suppress(ValueError):  # too deep, or infinite: the tool says so
                call.arguments = clean(call.arguments)
        await super().run_function_calls(function_calls)
