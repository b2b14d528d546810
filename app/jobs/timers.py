"""Fires the timers that are in the calls' rows: one thread in each process that runs jobs.

Each timer fires in a transaction of its own, and leaves the row in the same transaction. So it
fires at least once, even after a crash. One whose action fails waits as a failed job does, and
delays no other call. Actions must not wait for other servers.

On SQLite one process of the machine fires them (``serving_thread.py``). On PostgreSQL every process does,
and passes over the calls that others have locked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from app.jobs.base import backoff
from app.jobs.foreground import GiveWay, never
from app.jobs.serving_thread import ServingThread
from app.store import timers
from app.store.engine import Store

# Seconds between two looks for timers that another process has set.
POLL = 0.25
# Calls with a due timer that one look finds.
BATCH = 100
# Timers that fire at once. On SQLite they share the sync of the disk.
AT_ONCE = 4

NEVER = datetime.max.replace(tzinfo=UTC)

log = logging.getLogger(__name__)


class TimerThread:
    """Fires due timers.

    ``fire`` fires a call's due timer, and returns False if none is due or the call is locked.
    ``put_off`` makes it due again, seconds from now.
    """

    def __init__(
        self,
        store: Store,
        fire: Callable[[str], bool],
        put_off: Callable[[str, float], None],
        give_way: GiveWay = never,
    ) -> None:
        self._store = store
        self._fire_due = fire
        self._put_off = put_off
        self._give_way = give_way
        self._wake = threading.Event()
        self._thread = ServingThread(store, "timers", self._serve, self._wake.set)
        self._stopping = self._thread.stopping
        self._until = NEVER  # the time of the next timer while this thread rests
        self._failures: dict[str, int] = {}  # call -> failures in a row
        self._workers = ThreadPoolExecutor(
            AT_ONCE, "timer"
        )  # starts no thread before its first use

    def wake(self, due: datetime) -> None:
        """A commit of this process has set a timer. Any thread may call it."""
        if due < self._until:
            self._wake.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        self._thread.stop(timeout)

    # ------------------------------------------------------------------ the thread

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception as error:
                if not self._store.outage.explains(error):
                    log.exception("the timers stumbled and go on in a second")
                self._stopping.wait(1.0)

    def _turn(self) -> None:
        """Fire what is due, or rest until the next timer, a wake-up or the next look."""
        self._wake.clear()  # before the look: a later commit wakes us again
        self._until = NEVER
        with self._store.read() as conn:
            upcoming = timers.upcoming(conn, BATCH)
        now = self._store.clock.now()
        due = [call_id for call_id, at in upcoming if at <= now]
        if self._fire_all(due):
            return
        self._until = upcoming[0][1] if upcoming and not due else NEVER
        self._wake.wait(min(POLL, (self._until - now).total_seconds()))

    def _fire_all(self, call_ids: Sequence[str]) -> bool:
        """Returns whether any timer is another one now. A single one needs no other thread."""
        each = self._workers.map if len(call_ids) > 1 else map
        return any(list(each(self._fire, call_ids)))

    def _fire(self, call_id: str) -> bool:
        """Returns whether the call's timers are other ones now."""
        if self._stopping.is_set():
            return True
        self._give_way()
        try:
            fired = self._fire_due(call_id)
        except Exception as error:
            return self._failed(call_id, error)
        self._failures.pop(call_id, None)
        return fired

    def _failed(self, call_id: str, error: Exception) -> bool:
        failures = self._failures.get(call_id, 0)
        delay = backoff(failures)
        if self._store.outage.explains(error):
            self._stopping.wait(1.0)
            return False  # it stays due
        log.exception("a timer of call %s failed and fires again in %.0f s", call_id, delay)
        self._failures[call_id] = failures + 1
        try:
            self._put_off(call_id, delay)
        except Exception as again:
            if not self._store.outage.explains(again):
                log.exception("the timer of call %s could not be put off", call_id)
            return False
        return True
