"""Where we reach into pipecat, each place with its reason. Imports pipecat: load it lazily.

Written for pipecat 1.14, which ``pyproject.toml`` pins. Each has a test that fails once pipecat
makes it needless, in ``tests/vendors/common/test_pipecat_workarounds.py``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.pipeline.worker import PipelineWorker
from pipecat.services.llm_service import LLMService
from pipecat.workers.runner import WorkerRunner

# ------------------------------------------------------------------ one ONNX session for all calls
#
# Silero's voice detection and the smart turn model load their weights anew for every analyzer. That is
# 10.5 MB and 11 MB a call, and tens of milliseconds without audio for all calls. Neither keeps state
# in its session, so all calls of a process share both.
# https://github.com/pipecat-ai/pipecat/issues/2050
# https://github.com/pipecat-ai/pipecat/pull/4818

# A tenth of the event loop's share, where both want the core.
TURN_NICENESS = 10
# Steps of the event loop. The tasks of a cancelled worker took 2.
MAX_LOOKS = 100


def voice_detector(params: VADParams) -> VADAnalyzer:
    """``SileroVADAnalyzer(params=params)`` on the session that all calls share."""
    made = SileroVADAnalyzer.__new__(SileroVADAnalyzer)
    VADAnalyzer.__init__(made, params=params)
    made._model = _voice_model()
    made._windows_since_reset = 0
    made._low_confidence_windows = 0
    return made


class SharedSmartTurn(LocalSmartTurnAnalyzerV3):
    """On one thread for all calls, which gives way to the calls' sound.

    pipecat starts a thread for each call. Where several are at work, they take the event loop's core,
    and the sound of all calls gets gaps.
    """

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return _turn_thread()


def smart_turn(params: SmartTurnParams) -> BaseSmartTurn:
    """``LocalSmartTurnAnalyzerV3(params=params)`` on the session that all calls share."""
    made = SharedSmartTurn.__new__(SharedSmartTurn)
    super(LocalSmartTurnAnalyzerV3, made).__init__(params=params)
    made._log_data = False
    made._session = _turn_session()
    return made


def load_sessions() -> None:
    """Load both, ahead of the first call."""
    _voice_session()
    _turn_session()


def _voice_model() -> SileroOnnxModel:
    """A call's own state on the shared session."""
    model = SileroOnnxModel.__new__(SileroOnnxModel)
    model.session = _voice_session()
    model.reset_states()  # type: ignore[no-untyped-call]
    model.sample_rates = [8000, 16000]
    return model


@cache
def _voice_session() -> Any:
    return SileroVADAnalyzer()._model.session


@cache
def _turn_session() -> Any:
    return LocalSmartTurnAnalyzerV3()._session


@cache
def _turn_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="smart-turn", initializer=_give_way)


def _give_way() -> None:
    """Lower this thread's priority. On Linux a thread has one of its own.

    https://man7.org/linux/man-pages/man2/setpriority.2.html (C library/kernel differences)
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), TURN_NICENESS)


# ------------------------------------------------------------------ a model's connections are closed


class ClosesClient(LLMService[Any]):
    """A mixin, named before a vendor's class, that closes the vendor's SDK client.

    The class leaves it to the garbage collector. Then a call's connections to the model stay open
    after the call, until Python collects them. No issue of pipecat's was found; #3589 closes the
    stream of an answer, not the client.
    """

    _client: Any

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._client.close()


# ------------------------------------------------------------------ a cancelled worker leaves no task


async def run_worker(worker: PipelineWorker) -> None:
    """Run a pipeline until it is over. Cancelled at any moment, it leaves no task behind.

    A runner that is cancelled while it begins, or once more while it ends, drops its bus's tasks.
    Python logs each as an error: "Task was destroyed but it is pending!".
    """
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    try:
        await runner.add_workers(worker)
        await runner.run()
    finally:
        await asyncio.shield(_cancel_tasks(runner))


async def _cancel_tasks(runner: WorkerRunner) -> None:
    """A worker that is cancelled while it begins starts tasks after that: look again."""
    for _ in range(MAX_LOOKS):
        tasks = runner.task_manager.current_tasks()
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
