"""Voice activity detection, and the begin and end of the caller's turn."""

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

# Silence after which the voice counts as stopped. pipecat's latency tables of vendors assume it.
STOP_SECONDS = 0.2
# How long a caller whose sentence sounds unfinished may think. pipecat's default is 3.
UNFINISHED_SECONDS = 1.5


def detector(config: AgentConfig) -> VADAnalyzer:
    """The voice activity detector of one call, on the shared ONNX session."""
    params = VADParams(start_secs=config.voice_seconds, stop_secs=STOP_SECONDS)
    return pipecat_workarounds.voice_detector(params)


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
