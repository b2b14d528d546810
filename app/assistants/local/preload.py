"""Loads pipecat, and does what a first call does once per process, ahead of that call.

pipecat with the ONNX models takes a second of processor time and 100 MB. A vendor's SDK takes up to
a second. So neither the start of the API nor a call's first second may wait for them.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Collection
from contextlib import suppress
from types import ModuleType

from app.domain.assistant.liquid import text as templates
from app.domain.services.media import MediaService
from app.vendors import preload as vendors
from app.vendors.common.account import VendorAccounts

log = logging.getLogger(__name__)

_lock = threading.Lock()
_loaded = list[ModuleType]()


def load() -> ModuleType:
    """Return ``app.assistants.local.agent``; block while another thread imports it.

    A call that comes before ``warm_up`` is done waits for this part of it only.
    """
    with _lock:
        if not _loaded:
            _loaded.append(_load())
    return _loaded[0]


def warm_up(service: MediaService, vendor_names: Collection[str], accounts: VendorAccounts) -> None:
    """Load pipecat and the parts of these vendors, and make a trial call. Blocks for seconds.

    ``accounts``: the operator's.
    """
    load()
    vendors.load_parts(vendor_names, accounts)
    templates.preload()
    with suppress(Exception):  # a voice that cannot start raises again in the call that uses it
        asyncio.run(_talk(service))
    # A full garbage collection stops every call for 0.2 s, unless it skips what was loaded here.
    gc.collect()
    gc.freeze()
    log.info("pipecat is loaded: ready for calls")


def _load() -> ModuleType:
    _quiet()
    from app.assistants.local import agent, turn_taking

    turn_taking.load()
    return agent


async def _talk(service: MediaService) -> None:
    from app.assistants.local import trial_call
    from app.net import httpx_client
    from app.vendors.embedded import espeak

    await httpx_client.preload()
    await espeak.preload()  # without this voice there is no trial call
    await trial_call.run(service)


def _quiet() -> None:
    """Pass only pipecat's errors to our log. Its own log would hold each spoken sentence."""
    from loguru import logger

    logger.remove()
    logger.add(
        lambda message: log.warning("%s", message.record["message"]), level="ERROR", diagnose=False
    )
