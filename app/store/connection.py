"""A connection as the other modules of this package use it, within one ``read()`` or ``write()``.

SQLAlchemy's own pool resets, checks and wraps a connection at each use. That costs a request more
than its statements, so connections stay open here, and are handed out as they are.
"""

from __future__ import annotations

import os
import queue
import select
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, NamedTuple, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import deadline
from app.store.faults import TimedOut, is_outage, without_detail

Identity = tuple[int, ...]
"""Which files of SQLite are open: device and inode of the database and of its log."""


class KeptRows(Protocol):
    """What a connection needs of ``kept.py``."""

    def find(self, revision: int, key: Hashable) -> Any: ...

    def keep(self, revision: int, key: Hashable, value: Any) -> None: ...

    def clear(self) -> None: ...


class Change(NamedTuple):
    """A statement whose result is not needed. It may be sent with the next ones."""

    text: str
    values: Any
    table: str


class Connection(sa.engine.Connection):
    """SQLAlchemy's connection for rare statements; ``raw``, the driver's, for prepared ones.

    On PostgreSQL a transaction begins at its first statement that has a result. Changes are held
    back until then or until the commit, and go out as one statement.
    """

    def __init__(self, engine: Engine, kept: KeptRows | None = None) -> None:
        super().__init__(engine)
        self.kept = kept
        self.raw = cast("Any", self.connection.driver_connection)
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._path = str(engine.url.database)
        self._identity = identity(self._path) if self.is_sqlite else None
        if not self.is_sqlite:
            self.raw.until = float("inf")  # each block sets its own
        self.before_commit = list[Callable[[], None]]()
        self.after_commit = list[Callable[[], None]]()
        self.revision: int | None = None
        """The revision of the operators' rows, once this block has asked (``kept.py``)."""
        self.changes_kept_rows = False
        self.changes = list[Change]()
        self.awaits_begin = False
        """Whether the block is a transaction that PostgreSQL does not know of yet."""
        self.until = 0.0
        """Until when this block may wait for the database, by ``time.monotonic``."""

    def renew(self) -> None:
        """Begin a new block: nothing is left of the one before."""
        self.until = deadline.store_until()
        if not self.is_sqlite:
            self.raw.until = self.until
        self.revision, self.changes_kept_rows = None, False
        if self.before_commit or self.after_commit:
            self.before_commit, self.after_commit = [], []

    def execute(self, *arguments: Any, **more: Any) -> sa.CursorResult[Any]:
        self.settle()
        return super().execute(*arguments, **more)

    def exec_driver_sql(self, *arguments: Any, **more: Any) -> sa.CursorResult[Any]:
        self.settle()
        return super().exec_driver_sql(*arguments, **more)

    def run(self, text: str, values: Any = ()) -> Any:
        """The driver's cursor after this statement. Raises SQLAlchemy's error."""
        try:
            return self.raw.execute(text, values)
        except Exception as error:
            raise self.translated(error) from error

    def settle(self) -> None:
        """Begin the transaction and send the changes: the next statement sees them."""
        if self.awaits_begin:
            self.awaits_begin = False
            self.run("BEGIN")
        if self.changes:
            self._send()

    @contextmanager
    def outside_its_transaction(self) -> Iterator[None]:
        """For a statement that neither sees what the block has changed nor locks: it begins none."""
        kept = self.awaits_begin, self.changes
        self.awaits_begin, self.changes = False, []
        try:
            yield
        finally:
            self.awaits_begin, self.changes = kept

    def commit_changes(self) -> None:
        """Commit on PostgreSQL. Changes alone are one statement, which needs no transaction."""
        if time.monotonic() > self.until + deadline.MARGIN_SECONDS:
            raise TimedOut  # the client may have got 503 by now
        if self.awaits_begin and len(groups := grouped(self.changes)) < 2:
            self.awaits_begin = False
            self._send(groups)
            return
        self.settle()
        self.run("COMMIT")

    def roll_back(self) -> None:
        """Roll back on PostgreSQL."""
        self.changes.clear()
        if not self.awaits_begin:
            self.run("ROLLBACK")
        self.awaits_begin = False

    def _send(self, groups: Sequence[Sequence[Change]] | None = None) -> None:
        groups = grouped(self.changes) if groups is None else groups
        self.changes = []
        for group in groups:
            values = [value for change in group for value in change.values]
            self.run(together(tuple(change.text for change in group)), values)

    def discard(self) -> None:
        """Close it without another word to the server, which may not answer."""
        self.invalidate()
        self.close()

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed it, or its file is no longer at its path.

        The first shows in the socket, without a round trip.
        """
        if self.is_sqlite:
            return identity(self._path) != self._identity
        if self.raw.closed:
            return True
        watch = select.poll()  # select() takes no descriptor over 1,023
        watch.register(self.raw.fileno(), select.POLLIN)
        return bool(watch.poll(0))

    def translated(self, error: Exception) -> Exception:
        """The driver's error as SQLAlchemy's, which never shows values."""
        base = self.dialect.loaded_dbapi.Error
        if not isinstance(error, base):
            return error
        without_detail(error)
        translated = DBAPIError.instance(
            None, None, error, base, hide_parameters=True, dialect=self.dialect
        )
        return translated if isinstance(translated, Exception) else error


def identity(path: str) -> Identity | None:
    """Which database and log are at the path; None: one is missing. Opens neither."""
    try:
        found, log = os.stat(path), os.stat(path + "-wal")
    except OSError:
        return None
    return found.st_ino, found.st_dev, log.st_ino


def is_unusable_after(error: BaseException) -> bool:
    """Whether a connection may be in any state after this error of a block."""
    return isinstance(error, SQLAlchemyError) or not isinstance(error, Exception)


def grouped(changes: Sequence[Change]) -> list[list[Change]]:
    """The changes in groups that may be one statement, which changes a table once only.

    Its parts do not see each other's rows, and their order is not defined.
    https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING
    """
    groups, touched = list[list[Change]](), set[str]()
    for change in changes:
        if not groups or change.table in touched:
            groups.append([])
            touched = set()
        groups[-1].append(change)
        touched.add(change.table)
    return groups


@lru_cache(maxsize=256)
def together(texts: tuple[str, ...]) -> str:
    """One statement of several."""
    if len(texts) == 1:
        return texts[0]
    parts = ", ".join(f"s{number} AS ({text})" for number, text in enumerate(texts))
    return f"WITH {parts} SELECT 1"


class Pool:
    """The connections of one store: at most ``most`` at a time, of which ``kept`` stay open."""

    def __init__(self, connect: Callable[[], Connection], most: int, kept: int) -> None:
        self._connect = connect
        self._kept = kept
        self._room = queue.SimpleQueue[None]()  # a semaphore, but made in C
        for _ in range(most):
            self._room.put(None)
        self._free = deque[Connection]()

    def connection(self) -> Lent:
        """A connection as a context manager, which comes back at its end."""
        return Lent(self)

    def take(self) -> Connection:
        """A connection. Raises ``TimedOut`` when none gets free in time."""
        try:
            self._room.get(timeout=max(0.0, deadline.store_until() - time.monotonic()))
        except queue.Empty as error:
            raise TimedOut from error
        try:
            return self._usable()
        except BaseException:
            self._room.put(None)
            raise

    def give_back(self, conn: Connection, error: BaseException | None) -> None:
        """Keep the connection, unless the database failed on it or enough are kept.

        If the database itself failed, the others are likely to be dead as well.
        """
        if error is not None and is_unusable_after(error):
            conn.discard()
            if is_outage(error):
                self.close()
        elif len(self._free) >= self._kept:
            conn.close()
        else:
            self._free.append(conn)
        self._room.put(None)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._free:
            self._free.pop().close()

    def _usable(self) -> Connection:
        while True:
            try:
                conn = self._free.pop()
            except IndexError:
                conn = self._connect()
                conn.renew()
                return conn
            if not (conn.closed or conn.invalidated or conn.is_dead):
                conn.renew()
                return conn
            conn.discard()


class Lent:
    """A connection of the pool within one block."""

    __slots__ = ("_conn", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __enter__(self) -> Connection:
        self._conn = self._pool.take()
        return self._conn

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.give_back(self._conn, error)
