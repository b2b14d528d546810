"""What ends the caller's turn where the assistant has a plan for it: Vapi's ``startSpeakingPlan``.

The wait depends on what both have said, so each new text may change it while it lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer, EndOfTurnState
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from app.domain.assistant.endpointing import Smart, StartSpeakingPlan
from app.media.stream import now

KEYS_PREFIX = "DTMF: "
"""How pipecat's aggregator writes pressed keys, which no plan for words is about."""


@dataclass
class Pause:
    """What is known of the caller's turn."""

    text: str = ""
    """The final texts."""
    interim: str = ""
    """The text that may still change."""
    silent_at: float | None = None
    """When the pause was noticed."""
    finalized: bool = False
    """The transcriber has no more text of it."""
    by_voice: bool = False
    """The voice detector noticed the pause; else a text without a voice did."""
    smart_seconds: float | None = None
    """The wait that the smart plan decided on for ``smart_text``."""
    smart_text: str | None = None

    @property
    def heard(self) -> str:
        return f"{self.text} {self.interim}".strip()


@dataclass(frozen=True)
class Helpers:
    """What the strategy asks, and what it tells."""

    last_said: Callable[[], str]
    """The assistant's last words."""
    hold: Callable[[float], None]
    """Called with the time before which the assistant must not speak."""
    ask: Callable[[], Awaitable[float | None]] | None = None
    """Asks the client's server for the wait, of ``Smart.SERVER``."""
    analyzer: BaseTurnAnalyzer | None = None
    """The model that judges the sound, of the other smart plans."""
    unfinished_seconds: float = 0.0
    """The wait after a sentence that sounds unfinished."""


class CallerTurnEnd(BaseUserTurnStopStrategy):
    """A pipecat strategy: ends the turn once the pause is as long as the plan says."""

    def __init__(self, plan: StartSpeakingPlan, helpers: Helpers) -> None:
        super().__init__()
        # Whether a turn needs a text. pipecat clears it for models that hear by themselves.
        self.wait_for_transcript = True
        self._plan = plan
        self._helpers = helpers
        self._pause = Pause()
        self._speaking = False
        self._latency = self._stop_seconds = 0.0
        self._waiting: asyncio.Task[None] | None = None

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as pipecat's own
        await super().setup(setup)
        if self._helpers.analyzer is not None:
            self._helpers.analyzer.set_sample_rate(setup.audio_in_sample_rate)

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._stop_waiting()
        if self._helpers.analyzer is not None:
            await self._helpers.analyzer.cleanup()  # type: ignore[no-untyped-call]

    async def handle_user_turn_started(self) -> None:
        await self._stop_waiting()
        self._pause = Pause()

    async def handle_user_turn_stopped(self) -> None:
        await self.handle_user_turn_started()
        if self._helpers.analyzer is not None:
            self._helpers.analyzer.clear()  # type: ignore[no-untyped-call]

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        pause = self._pause
        match frame:
            case STTMetadataFrame(ttfs_p99_latency=latency):
                self._latency = latency
            case VADUserStartedSpeakingFrame(start_secs=seconds):
                await self._resumed(seconds)
            case VADUserStoppedSpeakingFrame(stop_secs=seconds):
                self._speaking, self._stop_seconds = False, seconds
                pause.silent_at, pause.by_voice = now(), True
                await self._wait_anew()
            case TranscriptionFrame(text=text, finalized=finalized):
                pause.text, pause.interim = f"{pause.text} {text}".strip(), ""
                pause.finalized = finalized
                await self._heard()
            case InterimTranscriptionFrame(text=text):
                pause.interim, pause.finalized = text, False
            case InputAudioRawFrame(audio=audio) if self._helpers.analyzer is not None:
                self._helpers.analyzer.append_audio(audio, self._speaking)
        return ProcessFrameResult.CONTINUE

    async def _resumed(self, start_seconds: float) -> None:
        """The caller goes on: what was decided about the pause is of no use."""
        self._speaking = True
        await self._stop_waiting()
        self._pause = Pause(text=self._pause.text)
        if self._helpers.analyzer is not None:
            self._helpers.analyzer.update_vad_start_secs(start_seconds)

    async def _heard(self) -> None:
        if self._speaking:
            return
        if not self._pause.by_voice:  # a text without a voice: the pause begins with it
            self._pause.silent_at = now()
        await self._wait_anew()

    async def _wait_anew(self) -> None:
        await self._stop_waiting()
        self._waiting = self.task_manager.create_task(self._wait(), f"{self}::wait")

    async def _stop_waiting(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            await self.task_manager.cancel_task(waiting)

    async def _wait(self) -> None:
        """End the turn when the pause is long enough, and a text of it is there."""
        pause = self._pause
        since = pause.silent_at or now()
        seconds = await self._seconds(pause)
        if not pause.finalized and pause.by_voice:
            seconds = max(seconds, self._latency - self._stop_seconds)
        await asyncio.sleep(max(0.0, since + seconds - now()))
        if self._speaking or (self.wait_for_transcript and not pause.text):
            return  # the next text waits anew
        self._waiting = None  # the end of the turn must not cancel this task
        self._helpers.hold(since + self._plan.wait_seconds)
        await self.trigger_user_turn_stopped()

    async def _seconds(self, pause: Pause) -> float:
        if pause.text.startswith(KEYS_PREFIX):
            return self._plan.wait_seconds
        said = self._helpers.last_said()
        by_rule = self._plan.rule_seconds(pause.heard, said)
        if by_rule is not None:
            return by_rule
        if self._plan.smart is not Smart.NONE:
            smart = await self._smart(pause)
            if smart is not None:
                return smart
        return self._plan.seconds(pause.heard, said)

    async def _smart(self, pause: Pause) -> float | None:
        """The smart plan's wait. The sound is judged once a pause, the server once a text."""
        if pause.smart_text is not None and (self._helpers.ask is None or not pause.text):
            return pause.smart_seconds
        if self._helpers.ask is not None:
            if pause.text and pause.smart_text != pause.text:
                pause.smart_seconds = await self._helpers.ask()
                pause.smart_text = pause.text
            return pause.smart_seconds
        if self._helpers.analyzer is not None and pause.by_voice:
            pause.smart_seconds = await self._judged(self._helpers.analyzer)
            pause.smart_text = pause.text
        return pause.smart_seconds

    async def _judged(self, analyzer: BaseTurnAnalyzer) -> float:
        state, result = await analyzer.analyze_end_of_turn()
        complete = state is EndOfTurnState.COMPLETE
        if self._plan.wait_function is None:
            return 0.0 if complete else self._helpers.unfinished_seconds
        finished = result.probability if isinstance(result, TurnMetricsData) else float(complete)
        return self._plan.wait_function.seconds(1.0 - finished)
