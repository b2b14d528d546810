"""Notices what pipecat does not report: a vendor that never answers, and silence.

A deadline begins when a service is asked and ends with its first answer. Silence counts from the
start of the call, and from the last sound of either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    BotSpeakingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InputDTMFFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserSpeakingFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection

from app.assistants.local.latency.turns import TurnTimer
from app.assistants.local.services import Stage, stage_of
from app.assistants.local.takeover.hold import Hold
from app.assistants.local.transcript.usage import Usage
from app.media.stream import now
from app.vendors.common.speech_parts import ModelAskedFrame

# https://docs.vapi.ai/server-url/events#hang-notifications
HANG_SECONDS = 5.0
LOOK_SECONDS = 0.1

# Frames that show that a service works, or that its answer is not needed any more.
ANSWERS = {
    Stage.MODEL: (
        LLMTextFrame,
        FunctionCallsStartedFrame,
        LLMFullResponseEndFrame,
        InterruptionFrame,
        EagerEndOfTurnCancelFrame,
    ),
    Stage.VOICE: (TTSAudioRawFrame, InterruptionFrame),
    Stage.TRANSCRIBER: (InterimTranscriptionFrame, TranscriptionFrame),
}
SOUNDS = (BotSpeakingFrame, TTSAudioRawFrame, UserSpeakingFrame, InputDTMFFrame)


@dataclass(frozen=True)
class Deadlines:
    """Seconds until a service's first answer."""

    model: float = 10.0
    voice: float = 6.0
    transcriber: float = 3.0
    """Counted after the last of ``unheard`` utterances in a row without a text."""
    unheard: int = 3


DEADLINES = Deadlines()
# Shorter voice may be a cough: no text is expected of it.
UTTERANCE_SECONDS = 0.5


@dataclass
class Callbacks:
    """Functions that the pipeline wants called at these moments."""

    assistant_speaks: Callable[[bool], None] = lambda _: None
    caller_speaks: Callable[[bool], None] = lambda _: None
    interrupted: Callable[[], None] = lambda: None
    understood: Callable[[str], None] = lambda _: None
    """The transcriber's text so far, before the turn ends."""
    responds: Callable[[], None] = lambda: None
    """The model begins a response."""
    worded: Callable[[str], None] = lambda _: None
    """A piece of the response."""


@dataclass
class Clock:
    """Times of one call, in seconds as ``stream.now``. ``due`` has each service's deadline."""

    due: dict[Stage, float] = field(default_factory=dict)
    quiet_since: float = field(default_factory=now)
    tools: int = 0
    """Tool calls in progress. Silence does not count meanwhile."""
    voiced_since: float = 0.0
    """When the caller began the current utterance."""
    unheard: int = 0
    """Utterances in a row without a text."""


class CallObserver(BaseObserver):
    """A pipecat observer: sees every frame once."""

    def __init__(
        self,
        signs: Callbacks,
        turns: TurnTimer,
        hold: Hold,
        *,
        transcribed: bool,
        speech: bool = False,
    ) -> None:
        """``hold``: no service has a deadline, and no silence counts, while a supervisor talks.

        ``transcribed``: there is a transcriber that ought to understand any speech.

        ``speech``: the model speaks by itself, so that its sound is its answer.
        """
        super().__init__(observe_every_push=False)
        self.usage = Usage()
        self.clock = Clock()
        self._deadlines = DEADLINES
        self._signs = signs
        self._turns = turns
        self._hold = hold
        self._transcribed = transcribed
        self._speech = speech

    def voice_asked(self) -> None:
        """Start the voice's deadline: it was given a sentence."""
        self._turns.worded()
        self.clock.due.setdefault(Stage.VOICE, now() + self._deadlines.voice)

    async def overdue(self) -> Stage:
        """Wait until a service has missed its deadline. That deadline is removed."""
        while True:
            if self._hold.held:
                self.clock.due.clear()
            for stage, due in self.clock.due.items():
                if now() > due:
                    del self.clock.due[stage]
                    return stage
            await asyncio.sleep(LOOK_SECONDS)

    async def hang(self, told: float = 0.0) -> float:
        """Wait until a request to the model is unanswered for ``HANG_SECONDS``.

        Returns the request's deadline. ``told`` is the deadline of the last reported request, which
        is not reported again.
        """
        while True:
            due = self.clock.due.get(Stage.MODEL, told)
            left = due - self._deadlines.model + HANG_SECONDS - now()
            if due != told and left <= 0:
                return due
            await asyncio.sleep(max(LOOK_SECONDS, left))

    async def quiet(self, seconds: float) -> None:
        """Wait for ``seconds`` of silence.

        It does not count while a vendor or a tool is at work, or a supervisor has the call.
        """
        while True:
            clock = self.clock
            left = clock.quiet_since + seconds - now()
            if left <= 0 and not (clock.due or clock.tools or self._hold.held):
                return
            await asyncio.sleep(max(LOOK_SECONDS, left))

    async def sound(self) -> None:
        """Wait until either side speaks, or the caller presses a key."""
        since = self.clock.quiet_since
        # polling is cheaper than an event for each frame
        while self.clock.quiet_since == since:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    async def on_push_frame(self, data: FramePushed) -> None:
        frame = data.frame
        if isinstance(frame, MetricsFrame):
            self.usage.count(frame)
            return
        if isinstance(frame, LLMContextFrame):
            asked = data.direction is FrameDirection.DOWNSTREAM and not self._hold.held
            if asked and isinstance(data.source, LLMUserAggregator):
                self.clock.due[Stage.MODEL] = now() + self._deadlines.model
                self._turns.asked()
            return
        if isinstance(frame, ModelAskedFrame):
            self._model_asked(frame, data.direction)
            return
        if self._speech and isinstance(frame, TTSAudioRawFrame):
            self.clock.due.pop(Stage.MODEL, None)
        for stage, answers in ANSWERS.items():
            if isinstance(frame, answers):
                self.clock.due.pop(stage, None)
                if not isinstance(frame, InterruptionFrame | EagerEndOfTurnCancelFrame):
                    self.usage.worked |= {stage, data.source}
        if isinstance(frame, ErrorFrame) and (failed := stage_of(frame)):
            self.usage.failed |= {failed, frame.processor}
        if isinstance(frame, ANSWERS[Stage.TRANSCRIBER]):
            self.clock.unheard = 0
        if isinstance(frame, TTSAudioRawFrame):
            self._turns.voiced()
        if isinstance(frame, SOUNDS):
            self.clock.quiet_since = now()
        elif isinstance(frame, FunctionCallInProgressFrame):
            self.clock.tools += 1
        elif isinstance(frame, FunctionCallResultFrame):
            self.clock.tools = max(0, self.clock.tools - 1)
        else:
            self._signal(data)

    def _model_asked(self, frame: ModelAskedFrame, direction: FrameDirection) -> None:
        """Start the deadline of a model that speaks by itself."""
        if direction is FrameDirection.DOWNSTREAM:
            self.clock.due[Stage.MODEL] = now() + self._deadlines.model
            if frame.answer:
                self._turns.asked()

    def _signal(self, data: FramePushed) -> None:
        """Call back for one frame. Broadcast frames travel both ways; one direction counts."""
        if data.direction is not FrameDirection.DOWNSTREAM:
            return
        match data.frame:
            case BotStartedSpeakingFrame():
                self._turns.assistant_speaks(True)
                self._signs.assistant_speaks(True)
            case BotStoppedSpeakingFrame():
                self._turns.assistant_speaks(False)
                self._signs.assistant_speaks(False)
            case UserStartedSpeakingFrame():
                self._signs.caller_speaks(True)
            case UserStoppedSpeakingFrame():
                self._signs.caller_speaks(False)
            case InterruptionFrame():
                self._turns.interrupted()
                self._signs.interrupted()
            case EagerEndOfTurnCancelFrame():
                self._turns.withdrawn()
            case TranscriptionFrame():
                self._turns.understood()
            case InterimTranscriptionFrame(text=text):
                self._signs.understood(text)
            case LLMFullResponseStartFrame():
                self._signs.responds()
            case LLMTextFrame(text=text):
                self._turns.worded()
                self._signs.worded(text)
            case VADUserStartedSpeakingFrame():
                self.clock.voiced_since = now()
                self._turns.caller_starts()
            case VADUserStoppedSpeakingFrame():
                self._turns.caller_stops()
                if self._transcribed:
                    self._utterance()

    def _utterance(self) -> None:
        """Count an utterance. Texts of it may have come already."""
        if now() - self.clock.voiced_since < UTTERANCE_SECONDS:
            return
        self.clock.unheard += 1
        if self.clock.unheard >= self._deadlines.unheard:
            self.clock.due.setdefault(Stage.TRANSCRIBER, now() + self._deadlines.transcriber)
