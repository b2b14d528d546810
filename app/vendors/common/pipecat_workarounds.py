"""Where we reach into pipecat, each place with its reason. Imports pipecat: load it lazily.

Written for pipecat 1.14, which ``pyproject.toml`` pins. Each has a test that fails once pipecat
makes it needless, in ``tests/vendors/common/test_pipecat_workarounds.py``.
"""

from __future__ import annotations

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
from pipecat.services.llm_service import LLMService

# ------------------------------------------------------------------ one ONNX session for all calls
#
# Silero's voice detection and the smart turn model load their weights anew for every analyzer. That is
# 10.5 MB and 11 MB a call, and tens of milliseconds without audio for all calls. Neither keeps state
# in its session, so all calls of a process share both.
# https://github.com/pipecat-ai/pipecat/issues/2050
# https://github.com/pipecat-ai/pipecat/pull/4818

# A tenth of the event loop's share, where both want the core.
TURN_NICENESS = 10


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
