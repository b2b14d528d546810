"""A lock file among the processes of a machine, waited for with a bound.

The kernel's ``flock`` is fair, but waits for ever. So a thread waits for a lock that is taken. When
the time is over it goes on waiting, and the next who wants the lock takes up its wait.
"""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path
from typing import IO

from app.store.faults import TimedOut

LOCKED = "locked by another process"


class FileLock:
    """One process's use of a lock file. Its threads take turns by themselves."""

    def __init__(self, path: Path) -> None:
        self.file: IO[str] = path.open("w")
        self.wait: Wait | None = None
        """Of a thread of this process, which may have been given up."""

    def acquire(self, until: float) -> None:
        """Wait for the lock. Raises ``TimedOut`` when others hold it until then."""
        wait = self.wait = self.wait or Wait(self.file)
        if not wait.has_ended(until):
            raise TimedOut(LOCKED)
        self.wait = None
        if wait.error is not None:
            raise wait.error

    def release(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, unless a thread still waits for its lock."""
        if self.wait is None:
            self.file.close()


class Wait:
    """A thread that waits for the lock, and gives it back when its wait was given up."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._guard = threading.Condition()
        self._wanted = True
        self._ended = False
        self.error: OSError | None = None
        self._start()

    def has_ended(self, until: float) -> bool:
        """Wait until then for the lock; whether this process has it."""
        with self._guard:
            if self._ended and not self._wanted:  # it came too late, and was given back
                self._start()  # first: it may fail, and the next one tries again then
                self._ended = False
            self._wanted = True
            ended = self._guard.wait_for(lambda: self._ended, max(0.0, until - time.monotonic()))
            self._wanted = ended
            return ended

    def _start(self) -> None:
        """Start the thread. Raises ``TimedOut`` when the system has none."""
        try:
            threading.Thread(target=self._run, name="file lock", daemon=True).start()
        except RuntimeError as error:
            raise TimedOut(LOCKED) from error

    def _run(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self.error = error
        with self._guard:
            self._ended = True
            if not self._wanted:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._guard.notify_all()
