"""A transcriber alone in a pipeline of the media engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.stt_service import STTService
from pipecat.workers.runner import WorkerRunner

from tests.speech import speech

SLICE_SECONDS = 0.04
F = TypeVar("F", bound=Frame)


class Ear(FrameProcessor):
    """Stands before and behind the service: notes what comes out of it, either way."""

    def __init__(self, room: Room, *, last: bool) -> None:
        super().__init__()
        self._room = room
        self._last = last

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            self._room.note(frame)
        elif self._last:
            self._room.count()
        await self.push_frame(frame, direction)


class Room:
    """One call with nobody but its caller and the transcriber."""

    def __init__(self, service: STTService, rate: int) -> None:
        self.service = service
        self.rate = rate
        self.frames = list[Frame]()
        self._seen = set[int]()
        self._sent = self._passed = 0
        self._changed = asyncio.Event()
        pipeline = Pipeline([Ear(self, last=False), service, Ear(self, last=True)])
        self.worker = PipelineWorker(
            pipeline,
            params=PipelineParams(
                audio_in_sample_rate=rate,
                audio_out_sample_rate=rate,
                enable_metrics=True,
                enable_usage_metrics=True,
            ),
            enable_rtvi=False,
            idle_timeout_secs=None,
        )

    def note(self, frame: Frame) -> None:
        if frame.id not in self._seen:
            self._seen.add(frame.id)
            self.frames.append(frame)
            self._changed.set()

    def count(self) -> None:
        self._passed += 1
        self._changed.set()

    def all(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    @property
    def finals(self) -> list[str]:
        return [frame.text for frame in self.all(TranscriptionFrame)]

    @property
    def interims(self) -> list[str]:
        return [frame.text for frame in self.all(InterimTranscriptionFrame)]

    @property
    def errors(self) -> list[ErrorFrame]:
        return self.all(ErrorFrame)

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._changed.clear()
            if done():
                return
            await self._changed.wait()

    async def say(self, name: str, pause: float = 0.3) -> None:
        """A sentence of ``tests.speech`` and a pause, as fast as it goes."""
        await self.worker.queue_frame(VADUserStartedSpeakingFrame())
        pcm = speech(name, self.rate) + bytes(int(self.rate * pause) * 2)
        await self.sound(pcm)

    async def sound(self, pcm: bytes) -> None:
        """PCM, until the service has taken all of it."""
        step = int(self.rate * SLICE_SECONDS) * 2
        for at in range(0, len(pcm), step):
            piece = pcm[at : at + step]
            self._sent += 1
            await self.worker.queue_frame(InputAudioRawFrame(piece, self.rate, 1))
        await self.until(lambda: self._passed == self._sent)

    async def stop_speaking(self) -> None:
        """What the turn detector says when it hears the caller pause."""
        await self.worker.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))


@asynccontextmanager
async def hearing(service: STTService, rate: int) -> AsyncIterator[Room]:
    """The service at work; ended as a call ends, everything closed."""
    room = Room(service, rate)
    started = asyncio.Event()

    @room.worker.event_handler("on_pipeline_started")
    async def _started(*_: object) -> None:
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(room.worker)
    running = asyncio.create_task(runner.run())
    try:
        await started.wait()
        yield room
        await room.worker.queue_frame(EndFrame())
        await running
    finally:
        if not running.done():
            await room.worker.cancel()
            await running
