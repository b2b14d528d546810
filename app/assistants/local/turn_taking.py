"""Voice activity detection, and the end of the caller's turn.

Both use an ONNX session, which pipecat loads again for every call (25 MB each). Neither session
keeps state, so all calls share the two.
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

# Silence after which the voice counts as stopped. pipecat's latency tables of vendors assume it.
STOP_SECONDS = 0.2
# How long a caller whose sentence sounds unfinished may think. pipecat's default is 3.
UNFINISHED_SECONDS = 1.5


def detector(config: AgentConfig) -> VADAnalyzer:
    """The voice activity detector of one call, on the shared ONNX session."""
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
    """Ignores the caller from the next interruption on, once begun.

    Audio from before may still be in the pipeline, so silence at the input is not enough.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._begun = self._is_deaf = False

    def begin(self) -> None:
        self._begun = True

    async def process_frame(self, frame: Frame) -> bool:
        self._is_deaf = self._is_deaf or (self._begun and isinstance(frame, InterruptionFrame))
        return self._is_deaf


def load() -> None:
    """Load both models, ahead of the first call."""
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
