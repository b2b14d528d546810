"""What a process does with its media sockets when it receives SIGTERM.

Its calls may end by themselves for DRAIN_SECONDS. The remaining calls are handed to another
process, or ended where there is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from app.domain.cluster import ProcessRegistry
from app.media.close_reason import CloseCause, CloseReason
from app.media.heartbeat import Heartbeat
from app.media.session import GOING_AWAY, MediaSession
from providers.events import EndedReason

# How long a stopping process waits until its closed sessions have stored their end.
SHUTDOWN_SECONDS = 6.0
# How long it still answers HTTP after its last call. The carrier asks for the next instruction
# then, and no other process is there to answer.
ANSWER_SECONDS = 1.0
# The pause between two looks whether another process has come up.
LOOK_SECONDS = 1.0
# Between two hand-overs. If the other process starts all assistants at once, each caller hears a
# long gap.
APART_SECONDS = 0.1
# The part of the drain's time that hand-overs may take.
SPREAD = 0.25
NO_OTHER_PROCESS = "The process stopped, and no other was there to take the call over."

log = logging.getLogger(__name__)


class Drain:
    """The drain of one process. ``sessions`` is the hub's own collection, live."""

    def __init__(
        self, registry: ProcessRegistry, heartbeat: Heartbeat, sessions: Collection[MediaSession]
    ) -> None:
        self._presence = registry
        self._heartbeat = heartbeat
        self._sessions = sessions
        self._entering = 0
        self._something_left = asyncio.Event()
        self._forced = asyncio.Event()

    @contextmanager
    def socket_opening(self) -> Iterator[None]:
        """Count a handshake that began before the process was asked to stop."""
        self._entering += 1
        try:
            yield
        finally:
            self._entering -= 1
            self._something_left.set()

    def socket_closed(self) -> None:
        """Note that a session is over."""
        self._something_left.set()

    def force(self) -> None:
        """Wait for the calls no longer."""
        self._forced.set()

    async def run(self, stop_listening: Callable[[], None]) -> None:
        """Return once no call is up any more, or none that can be saved."""
        begun, self._presence.draining = self._presence.draining, True
        were_up = self._busy
        # A process that stops together with us and has calls must not count on this one.
        if not (were_up or begun):
            await self._heartbeat.beat()
        await self._let_end(stop_listening)
        self._presence.leaving = True
        await self._end_all(stop_listening)
        if were_up and not self._presence.has_web_peer and not self._forced.is_set():
            await asyncio.sleep(ANSWER_SECONDS)

    async def _let_end(self, stop_listening: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._sessions:
            log.info("stopping: %d calls may end by themselves", len(self._sessions))
        while self._busy and not self._forced.is_set():
            over = loop.time() - began
            await self._heartbeat.beat()
            # a process that stops together with this one has said so in its row by now
            if self._presence.has_web_peer and over >= LOOK_SECONDS:
                stop_listening()
            left = self._presence.settings.drain_seconds - self._spread - over
            if left <= 0 or not self._busy:
                return
            await self._wait_for_change(min(left, LOOK_SECONDS), self._something_left, self._forced)

    async def _wait_for_change(self, seconds: float, *events: asyncio.Event) -> None:
        self._something_left.clear()
        news = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(news, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in news:
            task.cancel()

    async def _end_all(self, stop_listening: Callable[[], None]) -> None:
        """Close all sockets. Where another process can take over, stop listening first.

        The carriers ask for the next instruction once their socket is closed, and the other process
        has to answer.
        """
        if self._busy:
            await self._heartbeat.beat()
        reason = CloseReason(
            CloseCause.CUT, GOING_AWAY, "going away", EndedReason.SERVER_SHUTDOWN, NO_OTHER_PROCESS
        )
        if self._presence.can_hand_over:
            stop_listening()
            reason = CloseReason(CloseCause.SHUTDOWN, GOING_AWAY, "going away")
            await self._hand_over(reason)
        loop = asyncio.get_running_loop()
        limit = loop.time() + SHUTDOWN_SECONDS
        while self._busy and (left := limit - loop.time()) > 0:
            for session in self._sessions:
                session.close_once.set(reason)
            await self._wait_for_change(left, self._something_left)

    async def _hand_over(self, reason: CloseReason) -> None:
        """Close the sockets one after the other."""
        sessions = tuple(self._sessions)
        apart = self._spread / max(1, len(sessions))
        for session in sessions:
            session.close_once.set(reason)
            if apart and not self._forced.is_set():
                await self._wait_for_change(apart, self._forced)

    @property
    def _spread(self) -> float:
        """Seconds in which the calls are handed over."""
        return min(
            len(self._sessions) * APART_SECONDS, self._presence.settings.drain_seconds * SPREAD
        )

    @property
    def _busy(self) -> bool:
        """Whether a call is up, or its handshake is under way."""
        return bool(self._sessions) or self._entering > 0
