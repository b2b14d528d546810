"""The disk of the recordings, which one thread writes: while it hangs, the calls' sound goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from errno import ENOBUFS
from queue import SimpleQueue

# Bytes that wait for the disk, of all recordings: 20 calls at 16 kHz make them in half a minute.
MOST_WAITING = 32 * 1024 * 1024

log = logging.getLogger(__name__)


class Disk:
    """Does what it is given in one thread of its own, one after the other."""

    def __init__(self) -> None:
        self._work = SimpleQueue[tuple[Callable[[], None], int]]()
        self._waiting = 0  # bytes
        self._guard = threading.Lock()
        self._is_served = False

    def do(self, work: Callable[[], None], size: int = 0) -> None:
        """Do this after all that was given before; ``size``: the bytes it writes.

        Raises ``OSError`` when too many bytes wait, and when the system has no thread.
        """
        with self._guard:
            if size and self._waiting + size > MOST_WAITING:
                raise OSError(ENOBUFS, "the disk of the recordings does not keep up")
            if not self._is_served:
                self._start()
            self._waiting += size
        self._work.put((work, size))

    def wait(self, seconds: float) -> bool:
        """Wait until all that was given is done; whether it was in time."""
        done = threading.Event()
        self.do(done.set)
        return done.wait(seconds)

    def _start(self) -> None:
        try:
            threading.Thread(target=self._serve, name="recordings", daemon=True).start()
        except RuntimeError as error:
            raise OSError(ENOBUFS, f"the system has no thread for recordings: {error}") from error
        self._is_served = True

    def _serve(self) -> None:
        while True:
            work, size = self._work.get()
            try:
                work()
            except Exception:  # the next one is another recording's
                log.exception("a recording was not written")
            with self._guard:
                self._waiting -= size


DISK = Disk()
"""The process's own."""
