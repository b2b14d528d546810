"""Lets background threads give way to the foreground: to requests, and to live sound.

Python runs one thread at a time. So a job that computes delays a carrier's webhook, and the audio
of all calls. Before each of its steps a job waits for a moment without requests. The wait is
bounded, and background threads are free for as long after one in vain. So under any load the jobs
go on, at half their pace or faster.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LONGEST_WAIT = 0.02
"""Seconds that one step of background work waits at most."""

FREE_SECONDS = 0.02
"""After a wait in vain no background thread waits for so long."""

GiveWay = Callable[[], None]
"""Called by a background thread before each step of its work, outside any transaction."""


def never() -> None:
    """For a process without requests and sound: a background thread goes on at once."""


class Foreground:
    """The requests of this process that are not answered yet, and whether its sound is late."""

    def __init__(self, sound_is_late: Callable[[], bool] = lambda: False) -> None:
        self._sound_is_late = sound_is_late
        self._requests = 0
        self._free_until = 0.0
        self._idle = threading.Event()
        self._idle.set()

    def begin(self) -> None:
        """Count a request that has come. Only the event loop's thread calls ``begin`` and ``end``."""
        self._requests += 1

    def end(self) -> None:
        """Count it no more: it is answered."""
        self._requests -= 1
        if not self._requests and not self._idle.is_set():
            self._idle.set()

    def give_way(self) -> None:
        """Wait for a moment without requests and with sound in time, ``LONGEST_WAIT`` at most."""
        if time.monotonic() < self._free_until:
            return
        if self._sound_is_late():
            time.sleep(LONGEST_WAIT)
        elif self.wait_until_idle(LONGEST_WAIT):
            return
        self._free_until = time.monotonic() + FREE_SECONDS

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait for a moment without requests, so long at most. Returns whether there was one."""
        if not self._requests:
            return True
        self._idle.clear()  # the next ``end`` without requests sets it; it may have come just now
        return not self._requests or self._idle.wait(seconds)
