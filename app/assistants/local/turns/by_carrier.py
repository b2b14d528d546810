"""The caller's turns, where the carrier hears: it says who interrupts, and sends whole turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipecat.frames.frames import Frame, SystemFrame, TranscriptionFrame
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy
from pipecat.turns.user_stop import BaseUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies


@dataclass
class CallerInterrupts(SystemFrame):
    """The caller has interrupted the carrier's voice. The words follow."""


class CarrierTurnStart(BaseUserTurnStartStrategy):  # type: ignore[no-untyped-call]
    """A pipecat strategy: an interruption, or words, begin a turn."""

    def __init__(self, interrupted: Callable[[], None]) -> None:
        super().__init__()
        self._interrupted = interrupted

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        if isinstance(frame, CallerInterrupts):
            self._interrupted()
        elif not isinstance(frame, TranscriptionFrame):
            return ProcessFrameResult.CONTINUE
        await self.trigger_user_turn_started()
        return ProcessFrameResult.STOP


class CarrierTurnEnd(BaseUserTurnStopStrategy):  # type: ignore[no-untyped-call]
    """A pipecat strategy: words are a whole turn."""

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        if isinstance(frame, TranscriptionFrame):
            await self.trigger_user_turn_stopped()
        return ProcessFrameResult.CONTINUE


def strategies(interrupted: Callable[[], None]) -> UserTurnStrategies:
    """``interrupted`` is called when the caller interrupts the assistant."""
    return UserTurnStrategies(start=[CarrierTurnStart(interrupted)], stop=[CarrierTurnEnd()])
