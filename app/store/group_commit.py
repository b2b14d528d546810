"""Writers on SQLite: one after the other, and one sync of the disk for all who stand in line.

A writer takes its turn in the open transaction, in a savepoint of its own. The last of the line
commits for all. No writer leaves before its work is on disk, so an answer that is given is durable.
A writer that fails takes back its own part only. If the commit fails, it fails for all.

A lock beside the file passes the turn on between the processes of a machine, once per commit.
SQLite's own busy handler sleeps without fairness. https://www.sqlite.org/lang_savepoint.html
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from app import deadline
from app.store.connection import Connection
from app.store.damage import Damage
from app.store.faults import FileReplaced, TimedOut, is_busy, is_outage
from app.store.file_lock import LOCKED, FileLock

MOST_MEMBERS = 64
LONGEST_SECONDS = 0.01
"""The longest time for which the first of a group waits for later ones to begin."""
LOOK_SECONDS = 0.05
"""After so long a wait for the commit a writer looks whether it is left to it."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.001, 0.05
"""Between two attempts to begin while a program that knows no lock file writes."""


class Group:
    """The writers of one commit."""

    __slots__ = ("began", "conn", "error", "lock", "members", "waiting")

    def __init__(self, conn: Connection, lock: FileLock) -> None:
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

    def __init__(self, connect: Callable[[], Connection], lock_file: Path, damage: Damage) -> None:
        self._connect = connect
        self._damage = damage
        self._lock_file = lock_file
        self._lock: FileLock | None = None
        self._turn = threading.Lock()
        self._line = deque[None]()
        """As long as the number of threads that wait for their turn."""
        self._conn: Connection | None = None
        self._group: Group | None = None
        self._is_suspect = False
        """Whether the database failed a statement: the connection may be of no use any more."""

    def writer(self) -> Writer:
        """One transaction, as ``Store.write`` says."""
        return Writer(self)

    def enter(self) -> Group:
        """Wait for the turn. Raises SQLAlchemy's error if none can begin in time."""
        until = deadline.store_until()
        self._line.append(None)
        ours = self._turn.acquire(timeout=max(0.0, until - time.monotonic()))
        self._line.pop()
        if not ours:
            raise TimedOut(LOCKED)
        group = self._joined(self._group) if self._group else self._first(until)
        group.conn.renew()
        return group

    def leave(self, group: Group, failure: BaseException | None) -> None:
        """End the turn, and return once the group is on disk.

        A writer that failed waits as well: it may have failed because of what an earlier one wrote.
        Raises SQLAlchemy's error for each of the group when the commit fails.
        """
        raw = group.conn.raw
        if failure is not None and is_outage(failure):
            self._is_suspect = True
        _end_part(group, failure)
        if group.error is None and self._line and not group.is_full and raw.in_transaction:
            self._wait(group)
        else:
            self._commit(group)
        if group.error is not None:
            raise group.conn.translated(group.error) from group.error

    def close(self) -> None:
        with self._turn:
            self._drop()
            if self._lock is not None:
                self._lock.close()
            self._lock = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The turn for a transaction on another connection, once the open group is on disk."""
        until = deadline.store_until()
        self._take_turn(until)
        while self._group is not None:
            self._commit(self._group)
            self._take_turn(until)
        try:
            lock = self._locked(until)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._turn.release()

    def _take_turn(self, until: float) -> None:
        if not self._turn.acquire(timeout=max(0.0, until - time.monotonic())):
            raise TimedOut(LOCKED)

    def _joined(self, group: Group) -> Group:
        """The open group, with a savepoint. A database that fails here fails the whole group."""
        try:
            group.conn.raw.execute("SAVEPOINT writer")
        except Exception as error:
            group.error = error
            self._commit(group)
            raise group.conn.translated(error) from error
        return group

    def _first(self, until: float) -> Group:
        try:
            group = self._group = self._begin(until)
        except BaseException:
            self._turn.release()
            raise
        return group

    def _begin(self, until: float) -> Group:
        conn = self._conn
        if (
            conn is None or self._is_suspect or conn.is_dead
        ):  # before the lock, which a new file's first one takes
            conn = self._reopened()
        lock = self._locked(until)
        try:
            conn.raw.execute("BEGIN IMMEDIATE")
        except Exception as error:
            try:
                _begin_later(conn, error, until)
            except BaseException:
                self._is_suspect = not is_busy(error)
                lock.release()
                raise
        return Group(conn, lock)

    def _locked(self, until: float) -> FileLock:
        if self._lock is None:
            self._lock = FileLock(self._lock_file)
        lock = self._lock
        if lock.wait is not None:
            lock.acquire(until)
            return lock
        try:
            fcntl.flock(lock.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.acquire(until)
        return lock

    def _reopened(self) -> Connection:
        """The writers' connection, to the file that is now at the path."""
        self._drop()
        self._is_suspect = False
        conn = self._conn = self._connect()
        conn.raw.execute("PRAGMA busy_timeout=0")  # _begin_later waits
        return conn

    def _drop(self) -> None:
        """Close the connection. The next writer opens another."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.discard()

    def _wait(self, group: Group) -> None:
        """Pass the turn on, and wait until one of the next commits.

        Those who stood in line may all have given up: then the commit is left to this one.
        """
        gate = threading.Lock()
        gate.acquire()
        group.waiting.append(gate)
        self._turn.release()
        while not gate.acquire(timeout=LOOK_SECONDS):
            if self._turn.acquire(blocking=False):
                if self._group is group:
                    self._commit(group)
                else:
                    self._turn.release()

    def _commit(self, group: Group) -> None:
        raw, self._group = group.conn.raw, None
        try:
            if group.error is None and group.members:
                if self._damage.is_seen:
                    self._damage.refuse()
                raw.execute("COMMIT")
                if group.conn.is_dead:  # what is written to a deleted file is lost
                    raise FileReplaced
        except Exception as error:
            group.error = error
        finally:
            if raw.in_transaction or group.error is not None:
                self._take_back(group)
            fcntl.flock(group.lock.file, fcntl.LOCK_UN)
            self._turn.release()
            for gate in group.waiting:
                gate.release()

    def _take_back(self, group: Group) -> None:
        """Roll back. After a failure the connection may be in any state."""
        if group.conn.raw.in_transaction:
            with suppress(sqlite3.Error):
                group.conn.raw.execute("ROLLBACK")
        if group.error is not None:
            self._drop()
            if group.conn.kept is not None:
                group.conn.kept.clear()  # one of the group may have read what is taken back


def _begin_later(conn: Connection, error: Exception, until: float) -> None:
    """Begin as soon as no program writes that knows no lock file, in time."""
    pause = SHORTEST_PAUSE
    while is_busy(error) and time.monotonic() + pause < until:
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        try:
            conn.raw.execute("BEGIN IMMEDIATE")
        except Exception as again:
            error = again
        else:
            return
    raise conn.translated(error) from error


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
        if failure is None and time.monotonic() > conn.until + deadline.MARGIN_SECONDS:
            failure = TimedOut()  # the client may have got 503 by now
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
