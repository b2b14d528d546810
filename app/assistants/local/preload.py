"""The engine's imports and models, loaded once per process and ahead of the first call.

They take two seconds of processor time and 120 MB: never in the control plane's start, and never
in a call's first second.
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
    """``app.assistants.local.agent``, ready; blocks while somebody else loads it."""
    with _lock:
        if not _loaded:
            _loaded.append(_load())
    return _loaded[0]


def begin() -> None:
    """In the background, at the process's start."""
    threading.Thread(target=load, name="warm", daemon=True).start()


def _load() -> ModuleType:
    _quiet()
    from app.assistants.local import agent, turn_taking
    from app.vendors.embedded import espeak

    turn_taking.load()
    with suppress(Exception):  # a voice that cannot be started says so in the call that wants it
        asyncio.run(espeak.preload())
    # A full collection stops every call for 0.2 s, unless it may skip what never goes away.
    gc.collect()
    gc.freeze()
    log.info("the assistants' engine is ready")
    return agent


def _quiet() -> None:
    """The engine logs by itself, each sentence included: warnings alone pass, to our log."""
    from loguru import logger

    logger.remove()
    logger.add(
        lambda message: log.warning("%s", message.record["message"]), level="ERROR", diagnose=False
    )
