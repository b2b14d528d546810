"""SQLite's checkpoints: a thread copies the write-ahead log into the database.

SQLite itself would do that within the commit that passes a thousand pages, and so in a request.
https://www.sqlite.org/wal.html#ckpt
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import NamedTuple

AUTOCHECKPOINT_PAGES = 32_000
"""For ``PRAGMA wal_autocheckpoint``: a commit makes the checkpoint if the thread does not (131 MB)."""
COPY_PAGES = 2_000
"""A checkpoint begins with so many pages to copy (8 MB)."""
RESTART_PAGES = 8_000
"""A log of this length begins anew as soon as all of it is copied (33 MB)."""
ROUNDS, FEW_PAGES = 4, 200
"""A round leaves the pages that came meanwhile. Few, or those of the last round, are the rest."""
INTERVAL_SECONDS = 0.25
"""Between two looks at the log, which cost microseconds."""

_PASSIVE, _RESTART = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"
_HEADER = struct.Struct("=16xI76xI")

_open, _opening = list[int](), threading.Lock()

log = logging.getLogger(__name__)


class Log(NamedTuple):
    """The write-ahead log's state. Its file never gets shorter, so its size tells nothing."""

    pages: int
    copied: int

    @property
    def left(self) -> int:
        """Pages that no checkpoint has copied."""
        return self.pages - self.copied


def read_log(database: Path) -> Log:
    """Read ``mxFrame`` and ``nBackfill`` in the file that all connections share.

    https://www.sqlite.org/walformat.html#the_wal_index_header
    """
    try:
        with _opening:
            header = os.pread(_descriptor(f"{database}-shm"), _HEADER.size, 0)
    except FileNotFoundError:  # no process has the database open
        return Log(0, 0)
    return Log(*_HEADER.unpack(header)) if len(header) == _HEADER.size else Log(0, 0)


def _descriptor(path: str) -> int:
    """The file, open for reading. It stays open as long as the file exists.

    To close any descriptor of a file gives up all locks that this process has on it. SQLite's own
    would be among them, and another process would take the log's index for unused and cut it.
    https://www.sqlite.org/howtocorrupt.html (section 2.2)
    """
    wanted = os.stat(path)
    for descriptor in [*_open]:
        found = os.fstat(descriptor)
        if os.path.samestat(found, wanted):
            return descriptor
        if not found.st_nlink:  # it was deleted
            _open.remove(descriptor)
            os.close(descriptor)
    _open.append(os.open(path, os.O_RDONLY))
    return _open[-1]


class Checkpointer:
    """Makes checkpoints while it is started. ``alone`` keeps out all writers of this machine.

    Several processes may have one each for the same database.
    """

    def __init__(self, database: Path, alone: Callable[[], AbstractContextManager[object]]) -> None:
        self._database = database
        self._alone = alone
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Wait for the end of a checkpoint that is under way."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def look(self) -> None:
        """Make a checkpoint if the log is long.

        The first rounds let writers go on. They may add pages meanwhile, and the log would grow for
        ever. So the few pages that are left are copied while no writer is in. It waits for no
        reader: one that still needs the log's pages only puts off the log's new beginning.
        """
        now = read_log(self._database)
        if now.left < COPY_PAGES:
            return
        with closing(self._connect()) as connection:
            for _ in range(ROUNDS):
                connection.execute(_PASSIVE)
                now = read_log(self._database)
                if now.left < FEW_PAGES:
                    break
            if now.pages >= RESTART_PAGES and now.left:
                with self._alone():
                    connection.execute(_RESTART)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            try:
                self.look()
            except (sqlite3.Error, OSError):
                log.exception("a checkpoint failed; again in a moment")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._database, timeout=0, isolation_level=None)
        connection.execute(
            "PRAGMA synchronous=FULL"
        )  # the database is synced before the log is reused
        return connection
