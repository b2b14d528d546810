"""Directories of our own in TMPDIR. A start removes those whose process was killed.

Each holds a file that its process keeps locked, and that its forked children keep locked after it.
The kernel drops the lock with the last of them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PREFIX = "patchbay-"
LOCK = ".lock"


class Temporary:
    """One new directory. Raises ``OSError``."""

    def __init__(self, purpose: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
        part = self.path / f"{LOCK}.part"
        self._lock: IO[str] = part.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        part.rename(self.path / LOCK)  # locked before another process can see it

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


@contextmanager
def directory(purpose: str) -> Iterator[Path]:
    """A directory for the block."""
    made = Temporary(purpose)
    try:
        yield made.path
    finally:
        made.remove()


def sweep() -> int:
    """Remove the directories of killed processes, and return how many they were."""
    with suppress(OSError):
        with os.scandir(tempfile.gettempdir()) as entries:
            found = [Path(entry.path) for entry in entries if _is_ours(entry)]
        return sum(map(_remove_abandoned, found))
    return 0


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return (
        entry.name.startswith(PREFIX)
        and entry.is_dir(follow_symlinks=False)
        and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    )


def _remove_abandoned(path: Path) -> bool:
    try:
        lock = (path / LOCK).open("r+")
    except OSError:  # of another program, of a process that makes it just now, or removed just now
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        shutil.rmtree(path, ignore_errors=True)
    return True
