"""A voice in the smallest pipeline there is: sentences in, what comes out of both ends back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.tts_service import TTSService
from pipecat.workers.runner import WorkerRunner


@dataclass
class Spoken:
    """What came of it. ``errors``: text and category's value of each, in order."""

    frames: list[Frame] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """The first sentence is over, and nothing of it is due any more."""

    @property
    def pcm(self) -> bytes:
        return b"".join(f.audio for f in self.frames if isinstance(f, TTSAudioRawFrame))

    @property
    def rates(self) -> set[int]:
        return {f.sample_rate for f in self.frames if isinstance(f, TTSAudioRawFrame)}

    @property
    def texts(self) -> list[TTSTextFrame]:
        return [f for f in self.frames if isinstance(f, TTSTextFrame)]


class _Sink(FrameProcessor):
    def __init__(self, spoken: Spoken) -> None:
        super().__init__()
        self._spoken = spoken

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            self._spoken.frames.append(frame)
        await self.push_frame(frame, direction)


async def speak(
    service: TTSService,
    sentences: Sequence[str | list[str]],
    rate: int,
    *,
    patience: float | None = None,
    after_error: Callable[[], None] | None = None,
    between: Callable[[], Awaitable[None]] | None = None,
    interrupt: Callable[[], Awaitable[None]] | None = None,
) -> Spoken:
    """Say each sentence and end. A list is a model's reply, in the pieces it comes in.

    ``patience``: seconds without sound until a sentence counts as over. ``after_error``: done at
    the first error, which is waited for before the next sentence. ``between``: done once the
    sentence before is over. ``interrupt``: done while the sentence before is due; then the caller
    interrupts it.
    """
    if patience is not None:
        service._stop_frame_timeout_s = patience
    spoken, started, failed = Spoken(), asyncio.Event(), asyncio.Event()
    completed = service.on_audio_context_completed

    async def complete(context_id: str) -> None:
        await completed(context_id)
        spoken.stopped.set()

    service.on_audio_context_completed = complete  # type: ignore[method-assign]
    worker = PipelineWorker(
        Pipeline([service, _Sink(spoken)]),
        params=PipelineParams(audio_out_sample_rate=rate),
        idle_timeout_secs=None,
        enable_rtvi=False,
        enable_turn_tracking=False,
    )

    async def note(_: PipelineWorker, frame: ErrorFrame) -> None:
        assert frame.category is not None
        spoken.errors.append((frame.error, frame.category.value))
        failed.set()

    async def start(_: PipelineWorker, frame: Frame) -> None:
        started.set()

    worker.add_event_handler("on_pipeline_error", note)
    worker.add_event_handler("on_pipeline_started", start)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    async def talk() -> None:
        await started.wait()
        for number, sentence in enumerate(sentences):
            if number and after_error is not None:
                await failed.wait()
                after_error()
            if number and between is not None:
                await spoken.stopped.wait()
                await between()
            if number and interrupt is not None:
                await interrupt()
                await worker.queue_frame(InterruptionFrame())
            await worker.queue_frames(_frames(sentence))
        await worker.queue_frame(EndFrame())

    await asyncio.gather(runner.run(), talk())
    return spoken


def _frames(sentence: str | list[str]) -> list[Frame]:
    if isinstance(sentence, str):
        return [TTSSpeakFrame(sentence)]
    pieces = [LLMTextFrame(piece) for piece in sentence]
    return [LLMFullResponseStartFrame(), *pieces, LLMFullResponseEndFrame()]
