"""What a process does with its media sockets when it is told to stop.

It lets its calls end by themselves for DRAIN_SECONDS. What remains is handed to another process,
or ended where there is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from app.domain.cluster import Presence
from app.media.close_reason import Ending, How
from app.media.heartbeat import Pulse
from app.media.session import GOING_AWAY, Session
from providers.events import EndedReason

SHUTDOWN_SECONDS = 6.0
"""How long a stopping process waits for the sessions it ends to report and close."""
ANSWER_SECONDS = 1.0
"""How long it answers on after its last call: the carrier asks what now, and nobody else is there."""
LOOK_SECONDS = 1.0
"""How often it looks meanwhile whether another process has come."""
NOBODY_ELSE = "The process stopped, and no other was there to take the call over."

log = logging.getLogger(__name__)


class Draining:
    """One process's. ``sessions`` are the hub's own, as they are at any time."""

    def __init__(self, presence: Presence, pulse: Pulse, sessions: Collection[Session]) -> None:
        self._presence = presence
        self._pulse = pulse
        self._sessions = sessions
        self._coming = 0
        self._left = asyncio.Event()
        self._hurried = asyncio.Event()

    @contextmanager
    def one_comes(self) -> Iterator[None]:
        """A socket is being let in: it may have been before the process was told to stop."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1
            self._left.set()

    def one_left(self) -> None:
        """A session is over."""
        self._left.set()

    def hurry(self) -> None:
        """Wait no longer."""
        self._hurried.set()

    async def run(self, stop_listening: Callable[[], None]) -> None:
        """Returns when no call is up any more, or none that could be helped."""
        begun, self._presence.draining = self._presence.draining, True
        were_up = self._busy
        if not (were_up or begun):  # those that stop with us and have calls must not count on us
            await self._pulse.beat()
        await self._let_end(stop_listening)
        await self._end_all(stop_listening)
        if were_up and not self._presence.relieved and not self._hurried.is_set():
            await asyncio.sleep(ANSWER_SECONDS)

    async def _let_end(self, stop_listening: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        began, patience = loop.time(), self._presence.settings.drain_seconds
        if self._sessions:
            log.info("stopping: %d calls may end by themselves", len(self._sessions))
        while self._busy and not self._hurried.is_set():
            over = loop.time() - began
            await self._pulse.beat()
            if self._presence.relieved and over >= LOOK_SECONDS:  # who stops with us has told us
                stop_listening()
            if (left := patience - over) <= 0 or not self._busy:
                return
            await self._some_news(min(left, LOOK_SECONDS), self._left, self._hurried)

    async def _some_news(self, seconds: float, *events: asyncio.Event) -> None:
        self._left.clear()
        news = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(news, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in news:
            task.cancel()

    async def _end_all(self, stop_listening: Callable[[], None]) -> None:
        """Where there is an heir the carriers are to ask it: they ask once the socket is closed."""
        if self._busy:
            await self._pulse.beat()
        ending = Ending(How.CUT, GOING_AWAY, "going away", EndedReason.SERVER_SHUTDOWN, NOBODY_ELSE)
        if self._presence.heir:
            stop_listening()
            ending = Ending(How.SHUTDOWN, GOING_AWAY, "going away")
        loop = asyncio.get_running_loop()
        limit = loop.time() + SHUTDOWN_SECONDS
        while self._busy and (left := limit - loop.time()) > 0:
            for session in self._sessions:
                session.fate.seal(ending)
            await self._some_news(left, self._left)

    @property
    def _busy(self) -> bool:
        """A call is up, or being let in."""
        return bool(self._sessions) or self._coming > 0
