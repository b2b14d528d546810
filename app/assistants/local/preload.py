"""Imports pipecat and loads the ONNX models, once per process, ahead of the first call.

This takes two seconds of processor time and 120 MB. So neither the start of the API nor a call's
first second may wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from contextlib import suppress
from types import ModuleType

log = logging.getLogger(__name__)

_lock = threading.Lock()
_loaded = list[ModuleType]()


def load() -> ModuleType:
    """Return ``app.assistants.local.agent``; block while another thread imports it."""
    with _lock:
        if not _loaded:
            _loaded.append(_load())
    return _loaded[0]


def begin() -> None:
    """Load in the background, when the process starts."""
    threading.Thread(target=load, name="warm", daemon=True).start()


def _load() -> ModuleType:
    _quiet()
    from app.assistants.local import agent, turn_taking
    from app.vendors.embedded import espeak

    turn_taking.load()
    with suppress(Exception):  # a voice that cannot start raises again in the call that uses it
        asyncio.run(espeak.preload())
    # A full garbage collection stops every call for 0.2 s, unless it skips what was loaded here.
    gc.collect()
    gc.freeze()
    log.info("the assistants' engine is ready")
    return agent


def _quiet() -> None:
    """Pass only pipecat's errors to our log. Its own log would hold each spoken sentence."""
    from loguru import logger

    logger.remove()
    logger.add(
        lambda message: log.warning("%s", message.record["message"]), level="ERROR", diagnose=False
    )
