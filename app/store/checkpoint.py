"""SQLite's checkpoints: a thread copies the write-ahead log into the database.

SQLite itself would do that within the commit that passes a thousand pages, and so in a request.
https://www.sqlite.org/wal.html#ckpt

Only SQLite opens its files here. The end of another descriptor of one in the same process drops the
locks that SQLite holds on it. https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from app.store.connection import Identity, identity
from app.store.faults import StoreFailed

AUTOCHECKPOINT_PAGES = 32_000
"""For ``PRAGMA wal_autocheckpoint``: a commit makes the checkpoint if the thread does not (131 MB)."""
RESTART_PAGES = 8_000
"""A log of this length begins anew as soon as all of it is copied (33 MB)."""
ROUNDS, FEW_PAGES = 4, 200
"""A round leaves the pages that came meanwhile. Few, or those of the last round, are the rest."""
INTERVAL_SECONDS = 1.0
"""Between two looks whether there was a commit."""

_TABLES = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT wr"
_PASSIVE, _RESTART = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"
_TRUNCATE = "PRAGMA wal_checkpoint(TRUNCATE)"


class Log(NamedTuple):
    """The write-ahead log's state. Its file gets no shorter by itself, so its size tells nothing."""

    pages: int
    copied: int

    @property
    def left(self) -> int:
        """Pages that no checkpoint has copied."""
        return self.pages - self.copied


class Checkpointer:
    """Makes checkpoints while it is started. ``alone`` keeps out all writers of this machine.

    Several processes may have one each for the same database.
    """

    def __init__(
        self,
        database: Path,
        alone: Callable[[], AbstractContextManager[object]],
        failed: Callable[[Exception], None] = lambda error: None,
        is_damaged: Callable[[], bool] = lambda: False,
    ) -> None:
        """``failed`` is called with the error of a checkpoint, which is made again later.

        Once ``is_damaged`` there is no other one.
        """
        self._is_damaged = is_damaged
        self._database = database
        self._alone = alone
        self._failed = failed
        self._files: Identity | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._version = -1
        self._drop = threading.Event()

    def drop(self) -> None:
        """Empty the log's file at the next look: what was deleted may still stand in it."""
        self._drop.set()

    def start(self) -> None:
        if self._thread is None:
            self._stopping.clear()
            thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            thread.start()
            self._thread = thread

    def stop(self) -> None:
        """Wait for the end of a checkpoint that is under way."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._version = -1

    def look(self) -> None:
        """Make a checkpoint if there was a commit since the last look.

        The first rounds let writers go on. They may add pages meanwhile, and the log would grow for
        ever. So the few pages that are left are copied while no writer is in. It waits for no
        reader: one that still needs the log's pages only puts off the log's new beginning.
        """
        found = identity(str(self._database))
        if found != self._files:
            self.close()
        if found is None:
            return  # SQLite would make an empty file
        connection = self._opened()
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._version and not self._drop.is_set():
            return
        read_newest(connection)
        for _ in range(ROUNDS):
            now = copied(connection)
            if now.left < FEW_PAGES:
                break
        if now.pages >= RESTART_PAGES:
            with self._alone():
                connection.execute(_RESTART)
        if self._drop.is_set():
            self._empty(connection)
        self._version = version

    def _empty(self, connection: sqlite3.Connection) -> None:
        """A reader of the log's pages puts it off until a later look."""
        with self._alone():
            busy, *_ = connection.execute(_TRUNCATE).fetchone()
        if not busy:
            self._drop.clear()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            if self._is_damaged():
                return
            try:
                self.look()
            except (sqlite3.Error, OSError, StoreFailed) as error:
                self._failed(error)
                if self._is_damaged():
                    return  # its end might copy the damage
                self.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._database, timeout=0, isolation_level=None, check_same_thread=False
            )
            # the database is synced before the log is used again
            self._connection.execute("PRAGMA synchronous=FULL")
            self._files = identity(str(self._database))
        return self._connection


def read_newest(connection: sqlite3.Connection) -> None:
    """Read the end of each table: what is damaged there must not be copied. Raises its error.

    SQLite compares no checksum here, but random bytes are no page of a table.
    """
    for (table,) in connection.execute(_TABLES).fetchall():
        statement = f'SELECT * FROM "{table}" ORDER BY rowid DESC LIMIT 1'  # noqa: S608 - our own
        connection.execute(statement).fetchone()


def copied(connection: sqlite3.Connection) -> Log:
    """Copy what no reader or writer forbids."""
    _busy, pages, done = connection.execute(_PASSIVE).fetchone()
    return Log(pages, done)
