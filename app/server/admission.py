"""Who of the waiting requests gets the next free thread, and who is told to come again.

Requests that cannot come again go first: a carrier repeats few webhooks, and some never. A client
repeats what is refused, so its request is refused rather than kept waiting. A client's request begins
only while half of the threads are free. Python runs one thread at a time, so each request that has
begun slows the others down. All of this runs on the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

LONGEST_WAIT = 1.0
"""Seconds that a client's request waits for a thread at most."""
FIRST_WAIT = 4.5
"""Seconds that another one waits at most: it then would be answered too late."""
LATE_SECONDS = 0.1
"""A first request that waits this long shows that there is no room for clients."""
SMOOTHING = 16
"""Number of starts over which the pace of the clients' line is averaged."""


class Overloaded(Exception):
    """The request would wait too long."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    since: float
    turn: asyncio.Future[None]


@dataclass
class Admission:
    """As many requests at once as there are ``threads``. Two lines wait for the others to end.

    Clients begin while fewer than ``for_clients`` threads are busy.
    """

    threads: int
    longest_wait: float = LONGEST_WAIT
    _busy: int = 0
    _first: deque[_Waiting] = field(default_factory=deque)
    _clients: deque[_Waiting] = field(default_factory=deque)
    _started: float = 0.0
    """When the last request of a client got a thread."""
    _pace: float = 0.0
    """Seconds from one such start to the next while they wait."""

    @property
    def for_clients(self) -> int:
        return self.threads - self.threads // 2

    @property
    def is_full(self) -> bool:
        """Whether a request would have to wait for a thread."""
        return self._busy >= self.threads

    async def enter(self, *, first: bool) -> None:
        """Wait for a thread; ``leave`` gives it back. Raises ``Overloaded``."""
        if self._busy < (self.threads if first else self.for_clients):
            self._busy += 1
            return
        loop = asyncio.get_running_loop()
        if not first and self._is_overloaded(loop.time()):
            raise Overloaded
        waiting = _Waiting(loop.time(), loop.create_future())
        line = self._first if first else self._clients
        line.append(waiting)
        try:
            async with asyncio.timeout(FIRST_WAIT if first else self.longest_wait):
                await waiting.turn
        except (TimeoutError, asyncio.CancelledError) as error:
            self._withdraw(line, waiting)
            if isinstance(error, TimeoutError):
                raise Overloaded from error
            raise

    def leave(self) -> None:
        """Give the thread to the next in line."""
        if waiting := _next(self._first):
            waiting.turn.set_result(None)
        elif self._busy <= self.for_clients and (waiting := _next(self._clients)):
            self._start_client(waiting)
        else:
            self._busy -= 1

    def _start_client(self, waiting: _Waiting) -> None:
        now = asyncio.get_running_loop().time()
        since_last = now - max(self._started, waiting.since)
        self._pace += (since_last - self._pace) / SMOOTHING
        self._started = now
        waiting.turn.set_result(None)

    def _is_overloaded(self, now: float) -> bool:
        if self._first and now - self._first[0].since > LATE_SECONDS:
            return True
        return len(self._clients) * self._pace > self.longest_wait

    def _withdraw(self, line: deque[_Waiting], waiting: _Waiting) -> None:
        if not waiting.turn.cancelled():
            self.leave()  # it got the thread just now
        elif waiting in line:
            line.remove(waiting)


def _next(line: deque[_Waiting]) -> _Waiting | None:
    """Take the first who still waits: one whose time is over may not have left yet."""
    while line:
        waiting = line.popleft()
        if not waiting.turn.done():
            return waiting
    return None
