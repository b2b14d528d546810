"""What a supervisor says, in words: a transcriber of the call's own kind, beside its pipeline.

It is connected while a supervisor speaks on the call, and costs as much as the call's own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import ErrorFrame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from app.assistants.local.turn_taking import STOP_SECONDS
from app.assistants.local.turns.caller_start import CallerTurnStart
from app.domain.assistant.interruptions import StopSpeakingPlan
from app.media.monitor.voice import MAX_WAITING_SECONDS
from app.telemetry.call_log import call_log
from app.vendors.common import pipecat_workarounds
from providers.common.audio import SAMPLE_WIDTH

PAUSE_SECONDS = 0.6
"""Silence after which what was said is a turn."""
STEP_SECONDS = 0.04
LAST_WORDS_SECONDS = 3.0
"""The longest wait for the text of what was just said."""
END_SECONDS = 1.0
LOOK_SECONDS = 0.05

Said = Callable[[str, float], Awaitable[None]]
log = call_log(__name__)


class SupervisorWords:
    """Transcribes a supervisor, from one joining to the next leaving."""

    def __init__(
        self, transcriber: FrameProcessor, rate: int, said: Said, ended: Callable[[], None]
    ) -> None:
        """``said`` gets each turn's text, and when it began in seconds since 1970.

        ``ended`` is called once the transcriber's connection is closed.
        """
        self._rate = rate
        self._ended = ended
        self._said = said
        self._waiting = bytearray()
        self._began: float | None = None
        self._worker = self._assemble(transcriber)
        self._tasks = list[asyncio.Task[None]]()
        self._failed = False

    def start(self) -> None:
        run = asyncio.create_task(pipecat_workarounds.run_worker(self._worker))
        self._tasks = [run, asyncio.create_task(self._feed())]

    def hear(self, pcm: bytes) -> None:
        """Take the supervisor's sound, at the line's rate."""
        self._waiting += pcm
        del self._waiting[: -int(MAX_WAITING_SECONDS * self._rate) * SAMPLE_WIDTH]

    async def finish_turn(self) -> None:
        """Wait, within a bound, for the text of what was just said."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._waiting or self._began is not None:  # noqa: ASYNC110
                    # several things end a turn, and none of them is an event of ours
                    await asyncio.sleep(LOOK_SECONDS)

    async def close(self, *, at_once: bool = False) -> None:
        """End, with the last words unless ``at_once``."""
        if not self._tasks:
            return
        if not at_once:
            await self.finish_turn()
        run, feed = self._tasks
        feed.cancel()
        await self._worker.cancel()
        await asyncio.wait([run], timeout=END_SECONDS)
        run.cancel()
        self._ended()

    def _assemble(self, transcriber: FrameProcessor) -> PipelineWorker:
        detector = pipecat_workarounds.voice_detector(VADParams(stop_secs=STOP_SECONDS))
        stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=PAUSE_SECONDS)
        turns, _ = LLMContextAggregatorPair(
            LLMContext([]),
            user_params=LLMUserAggregatorParams(
                vad_analyzer=detector,
                user_turn_strategies=UserTurnStrategies(
                    start=[CallerTurnStart(StopSpeakingPlan(), lambda: None)], stop=[stop]
                ),
            ),
            realtime_service_mode=False,
        )
        rate = self._rate
        worker = PipelineWorker(
            Pipeline([transcriber, turns]),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
            params=PipelineParams(audio_in_sample_rate=rate, audio_out_sample_rate=rate),
        )
        turns.add_event_handler("on_user_turn_started", self._turn_began)
        turns.add_event_handler("on_user_turn_stopped", self._turn_ended)
        worker.add_event_handler("on_pipeline_error", self._broke)
        return worker

    async def _feed(self) -> None:
        """Give the transcriber what came, and silence where nothing did."""
        size = int(STEP_SECONDS * self._rate) * 2
        run, _ = self._tasks
        while not run.done():  # else what is queued for it would only grow
            await asyncio.sleep(STEP_SECONDS)
            pcm = bytes(self._waiting) or bytes(size)
            self._waiting.clear()
            await self._worker.queue_frame(
                InputAudioRawFrame(audio=pcm, sample_rate=self._rate, num_channels=1)
            )

    async def _turn_began(self, *_: Any) -> None:
        self._began = time.time()

    async def _turn_ended(self, _: Any, __: Any, message: UserTurnStoppedMessage) -> None:
        began, self._began = self._began or time.time(), None
        if message.content:
            await self._said(message.content, began)

    async def _broke(self, _: Any, frame: ErrorFrame) -> None:
        if not self._failed:
            self._failed = True
            log.warning("a supervisor's words are not transcribed: %s", frame.error)
