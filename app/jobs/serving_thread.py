"""A thread that serves until it is stopped; on SQLite in one process of the machine at a time.

Another process takes over when that one stops or dies.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from app.store.engine import Store
from app.store.machine_lock import machine_lock

# Seconds between two attempts to become the process that serves.
TAKE_OVER = 1.0

log = logging.getLogger(__name__)


class ServingThread:
    """Runs ``serve`` in a thread named ``name``. After a stop it may be started again.

    ``serve`` returns soon once ``stopping`` is set; ``wake`` ends its waits.
    ``lock``: the last part of the lock file's name, if it is not ``name``.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        serve: Callable[[], None],
        wake: Callable[[], None],
        *,
        lock: str | None = None,
    ) -> None:
        self.stopping = threading.Event()
        self._store = store
        self._name = name
        self._serve = serve
        self._wake = wake
        self._lock_file = f"{store.url.database}.{lock or name}.lock"
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self.stopping.clear()
            thread = threading.Thread(target=self._stand_by, name=self._name, daemon=True)
            thread.start()
            self._thread = thread

    def stop(self, timeout: float) -> None:
        """Wait for its end at most ``timeout`` seconds."""
        if self._thread is not None:
            self.stopping.set()
            self._wake()
            self._thread.join(timeout)
            self._thread = None

    def _stand_by(self) -> None:
        while not self.stopping.is_set():
            try:
                with self._turn_of_this_process() as ours:
                    if ours:
                        self._serve()
            except Exception:  # such as a lock file that cannot be opened, on a full disk
                log.exception("%s stumbled and starts again in a second", self._name)
            self.stopping.wait(TAKE_OVER)

    def _turn_of_this_process(self) -> AbstractContextManager[bool]:
        return machine_lock(self._lock_file) if self._store.is_sqlite else nullcontext(True)
