"""Voice activity detection, and the begin and end of the caller's turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import Frame, InterruptionFrame
from pipecat.turns.user_mute import (
    BaseUserMuteStrategy,
    MuteUntilFirstBotCompleteUserMuteStrategy,
)
from pipecat.turns.user_stop import (
    BaseUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from app.assistants.local.config import AgentConfig
from app.assistants.local.takeover.hold import Hold
from app.assistants.local.turns.caller_end import CallerTurnEnd
from app.assistants.local.turns.caller_start import CallerTurnStart
from app.assistants.local.turns.eager_request import EagerRequests
from app.assistants.local.turns.pause import Helpers
from app.domain.assistant.endpointing import MAX_RULE_SECONDS, Smart
from app.vendors.common import pipecat_workarounds

# Silence after which the voice counts as stopped. pipecat's latency tables of vendors assume it.
STOP_SECONDS = 0.2
# How long a caller whose sentence sounds unfinished may think. pipecat's default is 3.
UNFINISHED_SECONDS = 1.5
PIPECAT_STOP_SECONDS = 5.0


def by_sound(config: AgentConfig) -> AgentConfig:
    """The plans of a model that hears by itself: its turns are over before their words are known."""
    start = replace(config.start, rules=(), by_transcript=None)
    if start.smart is Smart.SERVER:
        start = replace(start, smart=Smart.NONE)
    return replace(config, start=start, stop=replace(config.stop, words=0))


def detector(config: AgentConfig) -> VADAnalyzer:
    """The voice activity detector of one call, on the shared ONNX session."""
    params = VADParams(start_secs=config.stop.voice_seconds, stop_secs=STOP_SECONDS)
    return pipecat_workarounds.voice_detector(params)


@dataclass(frozen=True)
class Surroundings:
    """What the strategies ask of the call, and tell it. The functions are those of ``Helpers``."""

    interrupted: Callable[[], None]
    """That of ``CallerTurnStart``."""
    last_said: Callable[[], str]
    hold: Callable[[float], None]
    ask: Callable[[str], Awaitable[float | None]]
    by_transcriber: Callable[[], bool] | None = None
    """None: none of the call's transcribers ends turns."""
    eager: EagerRequests | None = None


def strategies(config: AgentConfig, call: Surroundings) -> UserTurnStrategies:
    """What begins a turn of the caller (and interrupts the assistant), and what ends it."""
    start = CallerTurnStart(config.stop, call.interrupted)
    return UserTurnStrategies(start=[start], stop=[_stop(config, call)])


def stop_timeout(config: AgentConfig, call: Surroundings) -> float:
    """Seconds without a sign of the caller after which pipecat ends any turn."""
    return MAX_RULE_SECONDS + 1 if _has_own_end(config, call) else PIPECAT_STOP_SECONDS


def mutes(
    config: AgentConfig, hold: Hold, speaks_first: Callable[[], bool]
) -> list[BaseUserMuteStrategy]:
    """``speaks_first``: whether the assistant has a first message to say."""
    return [] if config.first_interruptible else [FirstMessageMute(hold, speaks_first)]


class FirstMessageMute(MuteUntilFirstBotCompleteUserMuteStrategy):
    """Ignores the caller until the first message is spoken, or a supervisor has the call.

    Where none comes the caller is heard: nothing else would ever make the assistant speak.
    """

    def __init__(self, hold: Hold, speaks_first: Callable[[], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._hold = hold
        self._speaks_first = speaks_first
        self._is_over = False

    async def process_frame(self, frame: Frame) -> bool:
        self._is_over = self._is_over or self._hold.held
        muted = await super().process_frame(frame) and not self._is_over
        return muted and self._speaks_first()


class CallerMute(BaseUserMuteStrategy):
    """Ignores the caller from the next interruption on, once begun; or for one text.

    Audio from before may still be in the pipeline, so silence at the input is not enough.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._begun = self._is_deaf = False
        # Texts in progress that the caller cannot interrupt.
        self.texts = 0

    @property
    def is_deaf(self) -> bool:
        """Whether the caller is ignored now."""
        return self._is_deaf or self.texts > 0

    def begin(self) -> None:
        self._begun = True

    async def process_frame(self, frame: Frame) -> bool:
        self._is_deaf = self._is_deaf or (self._begun and isinstance(frame, InterruptionFrame))
        return self.is_deaf


def load() -> None:
    """Load both models, ahead of the first call."""
    pipecat_workarounds.load_sessions()


def _has_own_end(config: AgentConfig, call: Surroundings) -> bool:
    """Whether the end takes more than one of pipecat's strategies can do."""
    plan = config.start
    planned = bool(plan.rules) or plan.smart is not Smart.NONE or plan.by_transcript is not None
    return planned or call.eager is not None or call.by_transcriber is not None


def _stop(config: AgentConfig, call: Surroundings) -> BaseUserTurnStopStrategy:
    plan = config.start
    if not _has_own_end(config, call):
        return SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=plan.wait_seconds)
    by_sound = plan.smart in (Smart.LOCAL, Smart.WAIT_FUNCTION)
    params = SmartTurnParams(stop_secs=UNFINISHED_SECONDS)
    helpers = Helpers(
        call.last_said,
        call.hold,
        call.ask if plan.smart is Smart.SERVER else None,
        pipecat_workarounds.smart_turn(params) if by_sound else None,
        UNFINISHED_SECONDS,
        call.by_transcriber or (lambda: False),
        call.eager,
    )
    return CallerTurnEnd(plan, helpers)
