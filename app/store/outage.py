"""One line in the log for a database that fails, whatever number of requests fails with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from app.store.faults import CIRCLE, is_damage, is_deadlock, may_pass, sentence

EVERY_SECONDS = 60.0
"""Between two lines about the same failure."""

log = logging.getLogger(__name__)


class Outage:
    """What is known of one store's failure. Any thread may report to it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        damaged: Callable[[], None] = lambda: None,
    ) -> None:
        """``damaged`` is called when a page of SQLite's is."""
        self._damaged = damaged
        self._clock = clock
        self._lock = threading.Lock()
        self._why = ""
        self._began = self._told = 0.0
        self._refused = 0

    @property
    def why(self) -> str:
        """What is wrong now, in a sentence; empty: nothing that is known."""
        return self._why

    def note(self, error: BaseException, *, refused: bool = False) -> None:
        """Note that the store failed. ``refused``: a request is answered 503 for it.

        A deadlock is no failure: the database can be used.
        """
        if is_deadlock(error):
            log.warning("a transaction was undone: %s", CIRCLE)
            return
        if is_damage(error):
            self._damaged()
        why, now = sentence(error), self._clock()
        with self._lock:
            if not self._why:
                self._began, self._refused = now, 0
            self._refused += refused
            if why == self._why and now < self._told + EVERY_SECONDS:
                return
            self._why, self._told = why, now
            seconds, refusals = now - self._began, self._refused
        log.error(
            "the database fails: %s; %d requests answered 503 in %.0f s", why, refusals, seconds
        )

    def explains(self, error: Exception) -> bool:
        """Tell of the error if the same may succeed later. False: it is another one, not told."""
        if may_pass(error):
            self.note(error)
            return True
        return False

    def end(self) -> None:
        """End the outage, if there is one: a change was stored."""
        if not self._why:
            return
        with self._lock:
            if not self._why:
                return
            self._why = ""
            seconds, refusals = self._clock() - self._began, self._refused
        log.warning(
            "the database can be used again: %d requests were answered 503 in %.0f s",
            refusals,
            seconds,
        )
