"""What begins the caller's turn, and so interrupts the assistant: Vapi's ``stopSpeakingPlan``."""

from __future__ import annotations

from collections.abc import Callable

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from app.domain.assistant.interruptions import StopSpeakingPlan


class CallerTurnStart(BaseUserTurnStartStrategy):
    """A pipecat strategy: by voice, or by words while the assistant speaks."""

    def __init__(self, plan: StopSpeakingPlan, interrupted: Callable[[], None]) -> None:
        """``interrupted`` is called when the caller's turn begins while the assistant speaks."""
        super().__init__()
        self._plan = plan
        self._interrupted = interrupted
        self._assistant_speaks = False

    async def handle_user_turn_started(self) -> None:
        self._assistant_speaks = False

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        match frame:
            case BotStartedSpeakingFrame():
                self._assistant_speaks = True
            case BotStoppedSpeakingFrame():
                self._assistant_speaks = False
            case VADUserStartedSpeakingFrame() if self._plan.by_voice:
                return await self._begin()
            case TranscriptionFrame(text=text) | InterimTranscriptionFrame(text=text):
                return await self._hear(text)
        return ProcessFrameResult.CONTINUE

    async def _hear(self, text: str) -> ProcessFrameResult:
        if not self._assistant_speaks or self._plan.interrupts(text):
            return await self._begin()
        await self.trigger_reset_aggregation()  # type: ignore[no-untyped-call]
        return ProcessFrameResult.CONTINUE

    async def _begin(self) -> ProcessFrameResult:
        if self._assistant_speaks:
            self._interrupted()
        await self.trigger_user_turn_started()
        return ProcessFrameResult.STOP
