"""Workarounds around pipecat: that they work, and that they are still needed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from threading import get_native_id
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.workers.runner import WorkerRunner

from app.vendors.common.pipecat_workarounds import (
    TURN_NICENESS,
    ClosesClient,
    run_worker,
    smart_turn,
    voice_detector,
)
from tests.clock import on_loop

PARAMS = VADParams(start_secs=0.3, stop_secs=0.4)
STEPS = 40
"""Of the loop: more than a worker takes to begin, and to end."""


# ------------------------------------------------------------------ one ONNX session for all calls


def test_voice_detector_is_still_needed() -> None:
    """Once pipecat shares its session: use ``SileroVADAnalyzer``, delete ``voice_detector``."""
    one, other = SileroVADAnalyzer(), SileroVADAnalyzer()
    assert one._model.session is not other._model.session


def test_smart_turn_is_still_needed() -> None:
    """Once pipecat shares its session: use ``LocalSmartTurnAnalyzerV3``, delete ``smart_turn``."""
    assert LocalSmartTurnAnalyzerV3()._session is not LocalSmartTurnAnalyzerV3()._session


def test_voice_detector_has_all_that_pipecats_own_has() -> None:
    """An attribute that a new pipecat sets in ``__init__`` would be missing."""
    made: Any = voice_detector(PARAMS)
    own = SileroVADAnalyzer(params=PARAMS)
    assert vars(made).keys() == vars(own).keys()
    assert vars(made._model).keys() == vars(own._model).keys()
    assert made.params == own.params == PARAMS


def test_smart_turn_has_all_that_pipecats_own_has() -> None:
    params = SmartTurnParams(stop_secs=1.5)
    made, own = smart_turn(params), LocalSmartTurnAnalyzerV3(params=params)
    assert vars(made).keys() == vars(own).keys()
    assert made.params == own.params == params


def test_calls_share_sessions() -> None:
    one: Any = voice_detector(PARAMS)
    other: Any = voice_detector(PARAMS)
    assert one._model.session is other._model.session
    turns: list[Any] = [smart_turn(SmartTurnParams()) for _ in range(2)]
    assert turns[0]._session is turns[1]._session


def test_calls_judge_turns_on_one_thread_that_gives_way() -> None:
    """Once pipecat's own do: delete ``SharedSmartTurn``."""
    own = [LocalSmartTurnAnalyzerV3() for _ in range(2)]
    assert own[0]._model_executor is not own[1]._model_executor
    turns: list[Any] = [smart_turn(SmartTurnParams()) for _ in range(2)]
    threads = [
        each._model_executor.submit(lambda: os.getpriority(os.PRIO_PROCESS, get_native_id()))
        for each in turns
    ]
    assert turns[0]._model_executor is turns[1]._model_executor
    mine = os.getpriority(os.PRIO_PROCESS, get_native_id())
    assert [each.result() for each in threads] == [min(19, max(mine, TURN_NICENESS))] * 2


def test_calls_do_not_share_state() -> None:
    """What one call hears changes nothing in what another one scores."""
    noise = np.random.default_rng(1).integers(-9000, 9000, 256 * 40, dtype=np.int16)
    windows = [window.tobytes() for window in noise.reshape(40, 256)]
    alone, disturbed, loud = (voice_detector(PARAMS) for _ in range(3))
    for each in (alone, disturbed, loud):
        each.set_sample_rate(8000)

    def scores(detector: Any, besides: Any = None) -> list[float]:
        heard = list[float]()
        for window in windows:
            heard.append(float(np.squeeze(detector.voice_confidence(window))))
            if besides is not None:
                besides.voice_confidence(window[::-1])
        return heard

    own = SileroVADAnalyzer(sample_rate=8000, params=PARAMS)
    own.set_sample_rate(8000)
    assert scores(alone) == scores(disturbed, loud) == scores(own)


# ------------------------------------------------------------------ a model's connections are closed


def openai() -> Any:
    return OpenAILLMService(api_key="k", settings=OpenAILLMService.Settings(model="m"))


def anthropic() -> Any:
    return AnthropicLLMService(api_key="k", settings=AnthropicLLMService.Settings(model="m"))


@pytest.mark.parametrize("make", [openai, anthropic])
@on_loop
async def test_closes_client_is_still_needed(make: Any) -> None:
    """Once pipecat closes the client: delete ``ClosesClient``, for both vendors."""
    service = make()
    await service.cleanup()
    assert not service._client.is_closed()
    await service._client.close()


@on_loop
async def test_closes_client() -> None:
    class Closing(ClosesClient, OpenAILLMService):
        """As ``app.vendors.openai.llm.Chat``."""

    service = Closing(api_key="k", settings=OpenAILLMService.Settings(model="m"))
    client: AsyncOpenAI = service._client
    await service.cleanup()
    assert client.is_closed()


# ------------------------------------------------------------------ a cancelled worker leaves no task


async def left_behind(run: Callable[[PipelineWorker], Awaitable[None]], steps: int) -> list[str]:
    """The tasks that are left of a run cancelled after ``steps`` of the loop, and twice then."""
    before = asyncio.all_tasks()
    worker = PipelineWorker(Pipeline([FrameProcessor()]), enable_rtvi=False)
    running = asyncio.ensure_future(run(worker))
    for wait in (steps, 1):
        for _ in range(wait):
            await asyncio.sleep(0)
        running.cancel()
    await asyncio.wait([running])
    for _ in range(STEPS):
        await asyncio.sleep(0)
    return [task.get_name() for task in asyncio.all_tasks() - before]


@pytest.mark.parametrize("steps", range(STEPS))
def test_a_cancelled_worker_leaves_no_task(steps: int) -> None:
    assert asyncio.run(left_behind(run_worker, steps)) == []


def test_run_worker_is_still_needed() -> None:
    """Once pipecat's runner stops its bus when it is cancelled: run it as it is."""

    async def as_it_is(worker: PipelineWorker) -> None:
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    assert any(asyncio.run(left_behind(as_it_is, steps)) for steps in range(STEPS))
