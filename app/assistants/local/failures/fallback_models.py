"""``fallbackModels``: when a model fails, the next one answers, for the rest of the call.

https://docs.vapi.ai/api-reference/assistants/create (``model.fallbackModels``)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipecat.frames.frames import ErrorFrame, InterruptionFrame
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.pipeline.service_switcher import ServiceSwitcherStrategyManual
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.utils.errors import ErrorCategory

from app.assistants.local.failures.ended_reasons import clean
from app.telemetry.call_log import call_log

log = call_log(__name__)


class InTurn(ServiceSwitcherStrategyManual):
    """A pipecat switcher strategy: each error of a model, usable or not, activates the next one."""

    async def handle_error(self, error: ErrorFrame) -> FrameProcessor | None:
        """Called by the switcher. None: there is no next model, and the error goes on."""
        if error.category is ErrorCategory.APPLICATION:
            return None
        following = await self.advance()
        if following is not None:
            log.warning("a model failed, and another takes over: %s", clean(error.error))
        return following

    async def advance(self) -> FrameProcessor | None:
        """Activate the next model and return it."""
        behind = self.services[self.services.index(self.active_service) + 1 :]
        for service in behind:
            if await self._set_active_if_available(service):
                return service
        return None


def in_turn(models: Sequence[LLMService[Any]]) -> FrameProcessor:
    """One service of several models. A single model stays as it is."""
    return models[0] if len(models) == 1 else LLMSwitcher(list(models), InTurn)


async def skip(model: FrameProcessor) -> bool:
    """Drop the pending response. Return whether another model can be asked."""
    if not isinstance(model, LLMSwitcher):
        return False
    if model.active_llm is model.llms[-1]:
        return False
    await model.active_llm.queue_frame(InterruptionFrame())
    return await model.strategy.advance() is not None
