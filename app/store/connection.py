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
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NamedTuple, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import deadline
from app.store.faults import Deadlocked, TimedOut, Undone, is_outage, without_detail

Identity = tuple[int, ...]
"""Which files of SQLite are open: device and inode of the database and of its log."""
IDLE_SECONDS = 60.0
"""A connection that no block has needed for longer is closed."""


class KeptRows(Protocol):
    """What a connection needs of ``kept.py``."""

    def find(self, revision: int, key: Hashable) -> Any: ...

    def keep(self, revision: int, key: Hashable, value: Any) -> None: ...

    def clear(self) -> None: ...


class Answer(Protocol):
    """What a statement returned: the driver's cursor, or that of ``pipeline.py``."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> Any: ...


class Statement(NamedTuple):
    """A statement with ``%s`` in the place of each value."""

    text: str
    values: tuple[Any, ...] = ()


Tables = frozenset[str]
"""Names of tables."""


class Pipeline(Protocol):
    """What a connection needs of ``pipeline.py``."""

    is_lost: bool

    @property
    def is_undone(self) -> bool: ...

    def run(self, statements: Sequence[Statement]) -> Sequence[Answer]: ...


BEGIN, COMMIT, ROLLBACK = Statement("BEGIN"), Statement("COMMIT"), Statement("ROLLBACK")


class Connection(sa.engine.Connection):
    """SQLAlchemy's connection for rare statements; prepared ones go to the driver (``ask``).

    On PostgreSQL a transaction begins with its first statement that has a result. Changes are held
    back until then or until the commit. What goes out together is one round trip (``pipeline.py``).
    """

    def __init__(self, engine: Engine, kept: KeptRows | None = None) -> None:
        super().__init__(engine)
        self.kept = kept
        self.raw = cast("Any", self.connection.driver_connection)
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._path = str(engine.url.database)
        self._identity = identity(self._path) if self.is_sqlite else None
        self.pipeline = None if self.is_sqlite else _pipeline(self.raw)
        if not self.is_sqlite:
            self.raw.until = float("inf")  # each block sets its own
        self.before_commit = list[Callable[[], None]]()
        self.after_commit = list[Callable[[], None]]()
        self.revision: int | None = None
        """The revision of the operators' rows, once this block has asked (``kept.py``)."""
        self.changes_kept_rows = False
        self.changes = list[Statement]()
        """Statements whose results are not needed. They go out with the next one that has one."""
        self.foreseen = dict[Statement, Tables]()
        """Questions that go out right behind the next one, with the tables that they read."""
        self.answered = dict[Statement, tuple[Tables, Answer]]()
        """Their answers, until they are asked for or their table changes."""
        self.awaits_begin = False
        """Whether the block is a transaction that PostgreSQL does not know of yet."""
        self.has_commit = False
        """Whether the block ends with a commit. Without one no change may wait for it."""
        self.until = 0.0
        """Until when this block may wait for the database, by ``time.monotonic``."""
        self.free_since = 0.0
        """When it came back to the pool, by the pool's clock."""

    def renew(self) -> None:
        """Begin a new block: nothing is left of the one before."""
        self.until = deadline.store_until()
        if not self.is_sqlite:
            self.raw.until = self.until
            self.awaits_begin = False
            self.forget()
        self.revision, self.changes_kept_rows, self.has_commit = None, False, False
        if self.before_commit or self.after_commit:
            self.before_commit, self.after_commit = [], []

    def execute(self, *arguments: Any, **more: Any) -> sa.CursorResult[Any]:
        self.settle()
        return super().execute(*arguments, **more)

    def exec_driver_sql(self, *arguments: Any, **more: Any) -> sa.CursorResult[Any]:
        self.settle()
        return super().exec_driver_sql(*arguments, **more)

    def ask(self, text: str, values: tuple[Any, ...]) -> Answer:
        """PostgreSQL's answer to a statement that sees what was changed. Raises SQLAlchemy's error."""
        before = self._before()
        if not self.foreseen:
            return self._send([*before, Statement(text, values)])[-1]
        foreseen, self.foreseen = self.foreseen, {}
        answers = self._send([*before, Statement(text, values), *foreseen])
        for (question, tables), answer in zip(
            foreseen.items(), answers[len(before) + 1 :], strict=True
        ):
            self.answered[question] = tables, answer
        return answers[len(before)]

    def settle(self) -> None:
        """Begin the transaction and send the changes: the next statement sees them."""
        self.forget()
        if before := self._before():
            self._send(before)

    def known(self, question: Statement) -> Answer | None:
        """The answer to a question that went out before, once."""
        found = self.answered.pop(question, None)
        return found and found[1]

    def changes_table(self, table: str) -> None:
        """Drop the answers that may not be true after a change of this table; empty: of any."""
        self.answered = {
            question: known
            for question, known in self.answered.items()
            if table and table not in known[0]
        }

    def forget(self) -> None:
        """Drop what was foreseen, and its answers."""
        if self.foreseen or self.answered:
            self.foreseen, self.answered = {}, {}

    @contextmanager
    def outside_its_transaction(self) -> Iterator[None]:
        """For a statement that neither sees what the block has changed nor locks: it begins none."""
        kept = self.awaits_begin, self.changes, self.foreseen
        self.awaits_begin, self.changes, self.foreseen = False, [], {}
        try:
            yield
        finally:
            self.awaits_begin, self.changes, self.foreseen = kept

    def commit_changes(self) -> None:
        """Commit on PostgreSQL, in one round trip with the last changes.

        Changes alone are a transaction without its words. Raises ``Undone``.
        """
        if time.monotonic() > self.until + deadline.MARGIN_SECONDS:
            raise TimedOut  # the client may have got 503 by now
        self.forget()
        changes, self.changes = self.changes, []
        if self.awaits_begin:
            self.awaits_begin = False
            if changes:
                self._send(changes)
            return
        if cast("Pipeline", self.pipeline).is_undone:
            raise Undone  # to COMMIT the server would answer ROLLBACK, which is no error to it
        self._send([*changes, COMMIT])

    def roll_back(self) -> None:
        """Roll back on PostgreSQL. A transaction whose connection is lost is rolled back there."""
        self.forget()
        self.changes = []
        if not (self.awaits_begin or self.is_lost):
            self._send([ROLLBACK])
        self.awaits_begin = False

    def _before(self) -> Sequence[Statement]:
        """What goes out before the next question."""
        if not (self.awaits_begin or self.changes):
            return ()
        before, self.changes = self.changes, []
        if self.awaits_begin:
            self.awaits_begin = False
            before = [BEGIN, *before]
        return before

    def _send(self, statements: Sequence[Statement]) -> Sequence[Answer]:
        try:
            return cast("Pipeline", self.pipeline).run(statements)
        except Exception as error:
            raise self.translated(error) from error

    def discard(self) -> None:
        """Close it without another word to the server, which may not answer."""
        self.invalidate()
        self.close()

    @property
    def is_lost(self) -> bool:
        """Whether PostgreSQL's answer to something that was sent is not read: it may come yet."""
        return self.pipeline is not None and self.pipeline.is_lost

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed it, or its file is no longer at its path.

        The first shows in the socket, without a round trip.
        """
        if self.is_sqlite:
            return identity(self._path) != self._identity
        if self.raw.closed or self.is_lost:
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
    if isinstance(error, Deadlocked):  # its transaction has been rolled back
        return False
    return isinstance(error, SQLAlchemyError) or not isinstance(error, Exception)


def _pipeline(raw: Any) -> Pipeline:
    # A process on SQLite need not spend the time of this import.
    from app.store import pipeline

    return pipeline.Pipeline(raw)


class Pool:
    """The connections of one store: at most ``most`` at a time, of which ``kept`` stay open.

    The one that came back last is lent first. So those that only a burst needed get idle, and are
    closed. Each has memory for its statements, and a server's connections are few.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        most: int,
        kept: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._kept = kept
        self._clock = clock
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
        try:
            is_lost = not conn.is_sqlite and conn.is_lost
            if is_lost or (error is not None and is_unusable_after(error)):
                conn.discard()
                if error is not None and is_outage(error):
                    self.close()
            elif len(self._free) >= self._kept:
                conn.close()
            else:
                conn.free_since = self._clock()
                self._free.append(conn)
                with suppress(IndexError):  # another thread may take the last one meanwhile
                    if conn.free_since - self._free[0].free_since > IDLE_SECONDS:
                        self._free.popleft().close()
        finally:
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
