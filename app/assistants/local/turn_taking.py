"""When the caller speaks, and when the turn is over.

Voice detection and the turn model are two ONNX sessions, which the engine loads anew for every
call (25 MB each time). Neither keeps state in its session, so here all calls share them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
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

STOP_SECONDS = 0.2
"""Silence after which the voice counts as stopped; the engine's tables of vendors assume it."""
UNFINISHED_SECONDS = 1.5
"""How long a caller whose sentence sounds unfinished may think (the engine's own: 3)."""


def detector(config: AgentConfig) -> VADAnalyzer:
    """Hears that somebody speaks."""
    params = VADParams(start_secs=config.voice_seconds, stop_secs=STOP_SECONDS)
    shared = _voice_session()
    made = SileroVADAnalyzer.__new__(SileroVADAnalyzer)
    VADAnalyzer.__init__(made, params=params)
    made._model = _voice_model(shared)
    made._windows_since_reset = 0
    made._low_confidence_windows = 0
    return made


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
    _voice_session()
    _turn_session()


def _starts(config: AgentConfig) -> list[BaseUserTurnStartStrategy]:
    if config.words_to_interrupt:
        return [MinWordsUserTurnStartStrategy(min_words=config.words_to_interrupt)]
    return [VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()]


def _stop(config: AgentConfig) -> BaseUserTurnStopStrategy:
    if not config.smart_turns:
        return SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=config.wait_seconds)
    analyzer = LocalSmartTurnAnalyzerV3.__new__(LocalSmartTurnAnalyzerV3)
    super(LocalSmartTurnAnalyzerV3, analyzer).__init__(
        params=SmartTurnParams(stop_secs=UNFINISHED_SECONDS)
    )
    analyzer._log_data = False
    analyzer._session = _turn_session()
    return TurnAnalyzerUserTurnStopStrategy(turn_analyzer=analyzer)


@cache
def _voice_session() -> Any:
    return SileroVADAnalyzer()._model.session


@cache
def _turn_session() -> Any:
    return LocalSmartTurnAnalyzerV3()._session


def _voice_model(session: Any) -> SileroOnnxModel:
    model = SileroOnnxModel.__new__(SileroOnnxModel)
    model.session = session
    model.reset_states()  # type: ignore[no-untyped-call]
    model.sample_rates = [8000, 16000]
    return model
