"""When the caller speaks, and when the turn is over."""

from __future__ import annotations

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import Frame, InterruptionFrame
from pipecat.turns.user_mute import (
    BaseUserMuteStrategy,
    MuteUntilFirstBotCompleteUserMuteStrategy,
)
from pipecat.turns.user_start import (
    BaseUserTurnStartStrategy,
    MinWordsUserTurnStartStrategy,
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat.turns.user_stop import (
    BaseUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from app.assistants.local.config import AgentConfig
from app.vendors.common import pipecat_workarounds

STOP_SECONDS = 0.2
"""Silence after which the voice counts as stopped; the engine's tables of vendors assume it."""
UNFINISHED_SECONDS = 1.5
"""How long a caller whose sentence sounds unfinished may think (the engine's own: 3)."""


def detector(config: AgentConfig) -> VADAnalyzer:
    """Detects that the caller speaks."""
    params = VADParams(start_secs=config.voice_seconds, stop_secs=STOP_SECONDS)
    return pipecat_workarounds.voice_detector(params)


def strategies(config: AgentConfig) -> UserTurnStrategies:
    """What begins a turn of the caller (and interrupts the assistant), and what ends it."""
    return UserTurnStrategies(start=_starts(config), stop=[_stop(config)])


def mutes(config: AgentConfig) -> list[BaseUserMuteStrategy]:
    return [] if config.first_interruptible else [MuteUntilFirstBotCompleteUserMuteStrategy()]  # type: ignore[no-untyped-call]


class CallerMute(BaseUserMuteStrategy):
    """Once begun, from the next interruption on nothing that comes from the caller counts.

    Sound that came before may still be on its way through the pipeline: silence at its entrance is
    not enough."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._begun = self._is_deaf = False

    def begin(self) -> None:
        self._begun = True

    async def process_frame(self, frame: Frame) -> bool:
        self._is_deaf = self._is_deaf or (self._begun and isinstance(frame, InterruptionFrame))
        return self._is_deaf


def load() -> None:
    """Both models, ahead of the first call."""
    pipecat_workarounds.load_sessions()


def _starts(config: AgentConfig) -> list[BaseUserTurnStartStrategy]:
    if config.words_to_interrupt:
        return [MinWordsUserTurnStartStrategy(min_words=config.words_to_interrupt)]
    return [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()]


def _stop(config: AgentConfig) -> BaseUserTurnStopStrategy:
    if not config.smart_turns:
        return SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=config.wait_seconds)
    analyzer = pipecat_workarounds.smart_turn(SmartTurnParams(stop_secs=UNFINISHED_SECONDS))
    return TurnAnalyzerUserTurnStopStrategy(turn_analyzer=analyzer)
