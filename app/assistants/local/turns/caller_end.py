"""What ends the caller's turn where the assistant has a plan for it: Vapi's ``startSpeakingPlan``.

The wait depends on what both have said, so each new text may change it while it lasts.
"""

from __future__ import annotations

import asyncio

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer, EndOfTurnState
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from app.assistants.local.turns.eager_request import EagerRequest
from app.assistants.local.turns.pause import Helpers, Pause
from app.domain.assistant.endpointing import ENDS_WITH_PUNCTUATION, Smart, StartSpeakingPlan
from app.media.stream import now

KEYS_PREFIX = "DTMF: "
"""How pipecat's aggregator writes pressed keys, which no plan for words is about."""
# A transcriber that ends turns has ended each of them by then. Deepgram's default is 5.
TRANSCRIBER_SECONDS = 6.0
# Silence after which no judgement of the sound is waited for. On a busy machine ``waitSeconds`` decides.
JUDGEMENT_SECONDS = 0.6


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
        self._eager = EagerRequest(self, helpers.eager)

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as pipecat's own
        await super().setup(setup)
        if self._helpers.analyzer is not None:
            self._helpers.analyzer.set_sample_rate(setup.audio_in_sample_rate)

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._new_pause("")
        if self._helpers.analyzer is not None:
            await self._helpers.analyzer.cleanup()  # type: ignore[no-untyped-call]

    async def handle_user_turn_started(self) -> None:
        self._eager.turn_began()
        await self._new_pause("")

    async def handle_user_turn_stopped(self) -> None:
        await self._eager.turn_ended()
        await self._new_pause("")
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
            case EagerEndOfTurnCancelFrame():
                await self._eager.dropped()
            case InterruptionFrame():
                self._eager.interrupted()
            case InputAudioRawFrame(audio=audio) if self._helpers.analyzer is not None:
                self._helpers.analyzer.append_audio(audio, self._speaking)
        return ProcessFrameResult.CONTINUE

    async def _resumed(self, start_seconds: float) -> None:
        """The caller goes on: what was decided about the pause is of no use."""
        self._speaking = True
        await self._new_pause(self._pause.text)
        if self._helpers.analyzer is not None:
            self._helpers.analyzer.update_vad_start_secs(start_seconds)

    async def _new_pause(self, text: str) -> None:
        """Decide nothing more about this pause. ``text``: what the turn has until now."""
        await self._stop_waiting()
        await self._eager.withdraw()
        if self._pause.verdict is not None:
            await self.task_manager.cancel_task(self._pause.verdict)
        self._pause = Pause(text)

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
        if self._sounds_finished(pause):
            await self._eager.ask(pause.text, 0.0)
        seconds = await self._seconds(pause)
        if not pause.finalized and pause.by_voice:
            seconds = max(seconds, self._latency - self._stop_seconds)
        if pause.by_voice and not pause.interim:
            await self._eager.ask(pause.text, since + seconds - now())
        await asyncio.sleep(max(0.0, since + seconds - now()))
        if self._speaking or (self.wait_for_transcript and not pause.text):
            return  # the next text waits anew
        self._waiting = None  # the end of the turn must not cancel this task
        self._helpers.hold(since + self._plan.wait_seconds)
        await self._eager.end_turn(pause.text)

    def _sounds_finished(self, pause: Pause) -> bool:
        """Whether the text is a whole sentence, where the model that judges the sound takes time."""
        judged = self._helpers.analyzer is not None and pause.by_voice and not pause.interim
        return judged and ENDS_WITH_PUNCTUATION.search(pause.text) is not None

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
        elif self._plan.by_transcript is None and pause.by_voice and self._helpers.by_transcriber():
            return 0.0 if pause.finalized else TRANSCRIBER_SECONDS
        return self._plan.seconds(pause.heard, said)

    async def _smart(self, pause: Pause) -> float | None:
        """The smart plan's wait. The sound is judged once a pause, the server once a text."""
        if pause.smart_text is not None and (self._helpers.ask is None or not pause.text):
            return pause.smart_seconds
        if self._helpers.ask is not None:
            if pause.text and pause.smart_text != pause.text:
                pause.smart_seconds = await self._helpers.ask(pause.text)
                pause.smart_text = pause.text
            return pause.smart_seconds
        if self._helpers.analyzer is not None and pause.by_voice:
            if pause.verdict is None:
                judging = self._judged(self._helpers.analyzer)
                pause.verdict = self.task_manager.create_task(judging, f"{self}::judge")
            left = (pause.silent_at or now()) + JUDGEMENT_SECONDS - now()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    pause.smart_seconds = await asyncio.shield(pause.verdict)
            except TimeoutError:
                return None
            pause.smart_text = pause.text
        return pause.smart_seconds

    async def _judged(self, analyzer: BaseTurnAnalyzer) -> float:
        state, result = await analyzer.analyze_end_of_turn()
        complete = state is EndOfTurnState.COMPLETE
        if self._plan.wait_function is None:
            return 0.0 if complete else self._helpers.unfinished_seconds
        finished = result.probability if isinstance(result, TurnMetricsData) else float(complete)
        return self._plan.wait_function.seconds(1.0 - finished)
