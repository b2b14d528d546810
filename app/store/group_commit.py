"""Writers on SQLite: one after the other, and one sync of the disk for all who stand in line.

A writer takes its turn in the open transaction, in a savepoint of its own. The last of the line
commits for all. No writer leaves before its work is on disk, so an answer that is given is durable.
A writer that fails takes back its own part only. If the commit fails, it fails for all.

A lock beside the file passes the turn on between the processes of a machine, once per commit.
SQLite's own busy handler sleeps without fairness. https://www.sqlite.org/lang_savepoint.html
"""

from __future__ import annotations

import fcntl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from app.store.connection import Connection

MOST_MEMBERS = 64
LONGEST_SECONDS = 0.01
"""The longest time for which the first of a group waits for later ones to begin."""


class Group:
    """The writers of one commit."""

    __slots__ = ("began", "conn", "error", "lock", "members", "waiting")

    def __init__(self, conn: Connection, lock: IO[str]) -> None:
        self.conn = conn
        self.lock = lock
        self.began = time.monotonic()
        self.members = 0
        """Writers that have done their work."""
        self.waiting = list[threading.Lock]()
        self.error: Exception | None = None

    @property
    def is_full(self) -> bool:
        late = time.monotonic() - self.began > LONGEST_SECONDS
        return late or self.members >= MOST_MEMBERS


class GroupCommit:
    """The writers of this process on one file."""

    def __init__(self, connect: Callable[[], Connection], lock_file: Path) -> None:
        self._connect = connect
        self._lock_file = lock_file
        self._lock: IO[str] | None = None
        self._turn = threading.Lock()
        self._line = deque[None]()
        """As long as the number of threads that wait for their turn."""
        self._conn: Connection | None = None
        self._group: Group | None = None

    def writer(self) -> Writer:
        """One transaction, as ``Store.write`` says."""
        return Writer(self)

    def enter(self) -> Group:
        """Wait for the turn. Raises the driver's error, as SQLAlchemy's, if none can begin."""
        self._line.append(None)
        self._turn.acquire()
        self._line.pop()
        group = self._joined(self._group) if self._group else self._first()
        group.conn.renew()
        return group

    def leave(self, group: Group, failure: BaseException | None) -> None:
        """End the turn, and return once the group is on disk.

        A writer that failed waits as well: it may have failed because of what an earlier one wrote.
        Raises SQLAlchemy's error for each of the group when the commit fails.
        """
        raw = group.conn.raw
        _end_part(group, failure)
        if group.error is None and self._line and not group.is_full and raw.in_transaction:
            self._wait(group)
        else:
            self._commit(group)
        if group.error is not None:
            raise group.conn.translated(group.error) from group.error

    def close(self) -> None:
        with self._turn:
            if self._conn is not None:
                self._conn.close()
            if self._lock is not None:
                self._lock.close()
            self._conn = self._lock = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The turn for a transaction on another connection, once the open group is on disk."""
        self._turn.acquire()
        while self._group is not None:
            self._commit(self._group)
            self._turn.acquire()
        try:
            lock = self._locked()
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)
        finally:
            self._turn.release()

    def _joined(self, group: Group) -> Group:
        """The open group, with a savepoint. A database that fails here fails the whole group."""
        try:
            group.conn.raw.execute("SAVEPOINT writer")
        except Exception as error:
            group.error = error
            self._commit(group)
            raise group.conn.translated(error) from error
        return group

    def _first(self) -> Group:
        try:
            group = self._group = self._begin()
        except BaseException:
            self._turn.release()
            raise
        return group

    def _begin(self) -> Group:
        if self._conn is None:
            self._conn = self._connect()
        lock = self._locked()
        try:
            self._conn.raw.execute("BEGIN IMMEDIATE")
        except Exception as error:
            fcntl.flock(lock, fcntl.LOCK_UN)
            raise self._conn.translated(error) from error
        return Group(self._conn, lock)

    def _locked(self) -> IO[str]:
        if self._lock is None:
            self._lock = self._lock_file.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._lock

    def _wait(self, group: Group) -> None:
        """Pass the turn on, and wait until one of the next commits."""
        gate = threading.Lock()
        gate.acquire()
        group.waiting.append(gate)
        self._turn.release()
        gate.acquire()

    def _commit(self, group: Group) -> None:
        raw, self._group = group.conn.raw, None
        try:
            if group.error is None and group.members:
                raw.execute("COMMIT")
        except Exception as error:
            group.error = error
        finally:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            if group.error is not None and group.conn.kept is not None:
                group.conn.kept.clear()  # one of the group may have read what is taken back
            fcntl.flock(group.lock, fcntl.LOCK_UN)
            self._turn.release()
            for gate in group.waiting:
                gate.release()


def _end_part(group: Group, failure: BaseException | None) -> None:
    """Keep or take back one writer's part. The first of a group has no savepoint."""
    raw = group.conn.raw
    try:
        if failure is not None:
            raw.execute("ROLLBACK TO writer" if group.members else "ROLLBACK")
        if group.members:
            raw.execute("RELEASE writer")
    except Exception as error:  # SQLite has rolled back the whole transaction by itself
        group.error = error
    else:
        if failure is None:
            group.members += 1


class Writer:
    """One writer's part of a group, as a context manager."""

    __slots__ = ("_commit", "_group")

    def __init__(self, commit: GroupCommit) -> None:
        self._commit = commit

    def __enter__(self) -> Connection:
        self._group = self._commit.enter()
        return self._group.conn

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        conn, failure = self._group.conn, error
        if failure is None:
            failure = _finished(conn)
        callbacks = tuple(conn.after_commit)  # the connection is the next writer's from here on
        self._commit.leave(self._group, failure)
        if failure is not None and error is None:
            raise failure
        if failure is None:
            for callback in callbacks:
                callback()


def _finished(conn: Connection) -> BaseException | None:
    """Run the block's work before the commit. Returns its failure."""
    try:
        for callback in conn.before_commit:
            callback()
    except BaseException as failure:
        return failure
    return None
