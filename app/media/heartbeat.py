"""The process's heartbeat row, and the lag of its event loop.

The carrier expects audio every 20 ms through this loop. Callers hear a loop that is late by more
than ``LATE_SECONDS``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from app.domain.cluster import HEARTBEAT_SECONDS
from app.domain.services.media import MediaService
from app.media.lag_alarm import LagAlarm
from app.media.store_thread import in_store_thread

SAMPLE_SECONDS = 0.5
# The gauge shows the worst sample of the last minute, so that no scrape misses it.
SAMPLES = 120
LATE_SECONDS = 0.1
# Background work gives way when the loop is late by a carrier's interval between two frames.
FRAME_SECONDS = 0.02

log = logging.getLogger(__name__)


class Heartbeat:
    """Two tasks, from ``start`` to ``stop``."""

    def __init__(self, service: MediaService) -> None:
        self._service = service
        self._tasks = list[asyncio.Task[None]]()

    async def start(self) -> None:
        """Write the first heartbeat and start the tasks.

        Other processes know of this one afterwards.
        """
        await self.beat()
        self._tasks = [
            asyncio.create_task(each) for each in (self._beat(), self._measure_loop_lag())
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        with suppress(Exception):  # the row goes stale by itself
            await in_store_thread(self._service.deregister)

    async def beat(self) -> None:
        """Write the row and read the other processes' rows now."""
        try:
            await in_store_thread(self._service.heartbeat)
        except SQLAlchemyError as error:  # the heartbeat goes on, and so does a drain
            self._service.store_failed(error)
        except Exception:
            log.warning("the store does not take that this process is up", exc_info=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.beat()

    async def _measure_loop_lag(self) -> None:
        loop, samples = asyncio.get_running_loop(), deque[float](maxlen=SAMPLES)
        alarm, presence = LagAlarm(LATE_SECONDS), self._service.presence
        while True:
            due = loop.time() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            samples.append(max(0.0, loop.time() - due))
            presence.lag = max(samples)
            presence.is_late = samples[-1] > FRAME_SECONDS
            heard = alarm.is_heard(
                samples[-1], loop.time(), sockets=presence.sockets, warming=presence.warming
            )
            if heard:
                log.warning(
                    "the event loop is %.0f ms late again and again, which callers hear: "
                    "let fewer calls in (MAX_CALLS_PER_PROCESS), or run more processes",
                    samples[-1] * 1000,
                )
