"""Lets one process of a machine do a piece of work, and another take over when it dies."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

# Seconds between two attempts to take the lock.
TAKE_OVER = 1.0


def serve_alone(path: Path, stopping: threading.Event, serve: Callable[[], None]) -> None:
    """Run ``serve`` as soon as no other process holds the lock file, until ``stopping``.

    The kernel frees the lock of a process that dies.
    """
    while not stopping.is_set():
        with path.open("w") as handle:
            if _taken(handle):
                serve()
        stopping.wait(TAKE_OVER)


def _taken(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
