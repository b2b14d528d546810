"""Loads ahead what a first call needs; ``/readyz`` says no meanwhile.

Calls that come before are served: they wait for what they need of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from app.domain.cluster import ProcessRegistry
from app.net.threads import run_in_thread

# After this time the process counts as ready all the same: a deploy must not hang on it.
SECONDS = 20.0

log = logging.getLogger(__name__)


def begin(presence: ProcessRegistry, load: Callable[[], None]) -> asyncio.Task[None]:
    """Run ``load`` in a thread. ``presence.warming`` is true until its end, or for ``SECONDS``."""
    presence.warming = True
    return asyncio.create_task(_wait(presence, load))


async def _wait(presence: ProcessRegistry, load: Callable[[], None]) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            await run_in_thread(load)
    except TimeoutError:
        log.warning("not all is loaded after %g s: ready all the same", SECONDS)
    except Exception:
        log.exception("the loading failed: the first call tries again")
    finally:
        presence.warming = False
