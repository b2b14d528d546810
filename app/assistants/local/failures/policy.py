"""Decides which errors and missed deadlines end a call, and with which reason."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.utils.errors import ErrorCategory

from app.assistants.local.control import PipelineControl
from app.assistants.local.failures import (
    ended_reasons,
    fallback_models,
    fallback_transcribers,
)
from app.assistants.local.failures.error_budget import ErrorBudget, Fault
from app.assistants.local.services import CallServices, Stage, stage_of
from app.media.stream import now
from app.telemetry.call_log import call_log
from providers.events import EndedReason

# What is said of a service without an error of its own.
OVERDUE = {
    Stage.MODEL: "no answer in time",
    Stage.VOICE: "no sound in time",
    Stage.TRANSCRIBER: "no text in time: the caller spoke, and nothing was understood",
}

# Failures of one call that the log has.
MAX_LOGGED = 20

log = call_log(__name__)


class FailurePolicy:
    """Judges the failures of one call, and ends it by the first that counts."""

    def __init__(self, engine: PipelineControl, services: CallServices) -> None:
        self._engine = engine
        self._parts = services
        self._faults = ErrorBudget(now)
        self._logged = 0
        # The sentence the voice was given last.
        self.asked = ""
        # What was spoken while tools ran.
        self.fillers = set[str]()

    async def failed(self, _: Any, frame: ErrorFrame) -> None:
        """Handle an error frame of a service."""
        stage = stage_of(frame)
        if frame.category is ErrorCategory.APPLICATION or stage is None:
            log.warning("the pipeline reports: %s", frame.error)
            return
        if stage is Stage.VOICE:
            await self._engine.spoken_text.broke()
        cause = str(frame.exception or "")
        text = frame.error if cause in frame.error else f"{frame.error} {cause}"
        fault = Fault(text, frame.category.value if frame.category else "")
        usable = frame.processor is None or frame.processor.is_usable
        self._log_failure(stage, fault.text)
        blamed = self._faults.add(stage, fault, usable=usable)
        if blamed is not None:
            await self._end_with_error(stage, blamed)

    async def overdue(self, stage: Stage) -> None:
        """Handle a service that has missed its deadline."""
        if stage is Stage.MODEL and await fallback_models.skip(self._parts.model):
            log.warning("a model gave no answer in time, and another takes over")
            return
        if stage is Stage.TRANSCRIBER:
            self._engine.observer.clock.unheard = 0
            if await fallback_transcribers.skip(self._parts.transcriber):
                log.warning("a transcriber returned no text, and another takes over")
                return
        fault = self._faults.first(stage) or Fault(self._overdue_text(stage))
        self._log_failure(stage, self._overdue_text(stage))
        await self._end_with_error(stage, fault)

    def _log_failure(self, stage: Stage, text: str) -> None:
        """Log a failure. A service that fails without an end fills no disk."""
        self._logged += 1
        if self._logged <= MAX_LOGGED:
            told = ended_reasons.message(stage, self._parts.provider(stage), text)
            more = "; later ones of this call are not logged" if self._logged == MAX_LOGGED else ""
            log.warning("a vendor failed: %s%s", told, more)

    def _overdue_text(self, stage: Stage) -> str:
        """What is said of a service that reported no error."""
        said = getattr(self._parts.at_work(stage), "closing", "")
        return f"{OVERDUE[stage]}; {said}" if said else OVERDUE[stage]

    async def not_started(self, *_: Any) -> None:
        """End the call: the pipeline was not ready in time."""
        for stage in Stage:
            if fault := self._faults.first(stage):
                await self._end_with_error(stage, fault)
                return
        await self._engine.abort(
            EndedReason.ASSISTANT_JOIN_TIMED_OUT, "The pipeline did not start."
        )

    async def _end_with_error(self, stage: Stage, fault: Fault) -> None:
        provider = self._parts.provider(stage)
        reason = ended_reasons.reason(stage, provider, fault.text, fault.category)
        if stage is Stage.MODEL and isinstance(self._parts.model, LLMSwitcher):
            reason = EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL  # each of the models has failed
        if stage is Stage.VOICE and reason is EndedReason.ASSISTANT_ERROR:
            reason = self._fail_speech()
        await self._engine.abort(reason, ended_reasons.message(stage, provider, fault.text))

    def _fail_speech(self) -> EndedReason:
        """The reason for a voice without a reason of its own: by what it failed to say."""
        if self.asked and any(self.asked in filler for filler in self.fillers):
            return EndedReason.PIPELINE_ERROR_FUNCTION_FILLER_FAILED
        if not any(each["role"] == "bot" for each in self._engine.conversation.messages):
            return EndedReason.PIPELINE_ERROR_FIRST_MESSAGE_FAILED
        return EndedReason.ASSISTANT_ERROR
