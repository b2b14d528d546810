"""Opens the database, and gives the two ways to use it: ``read()`` and ``write()``.

SQLite runs in WAL mode with ``synchronous=FULL``: an answered callback survives a power cut.
Writers share a commit (``group_commit.py``). Reads never take the write lock.
https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Engine, make_url
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.elements import ClauseElement

from app import deadline
from app.private_files import make_directory, make_file, tighten
from app.store.checkpoint import AUTOCHECKPOINT_PAGES, Checkpointer
from app.store.clock import Clock
from app.store.connection import Connection, Identity, Pool, identity
from app.store.damage import Damage
from app.store.faults import Deadlocked, FileReplaced, is_deadlock, without_detail
from app.store.file_lock import FileLock
from app.store.group_commit import GroupCommit
from app.store.kept import Kept
from app.store.outage import Outage
from app.store.prepared import Prepared
from providers.common import json_text

Columns = Mapping[str, Any]
"""Values to write, by column."""
Row = dict[str, Any]
"""A row that was read, by column."""

SQLITE_CONNECTIONS = 32
FILES = ("", "-wal", "-shm", "-journal", ".lock", ".delivery.lock")
"""Ends of the names of a database's files. SQLite makes its own as readable as the first."""
_PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=2000",  # milliseconds
    "temp_store=MEMORY",
    "secure_delete=ON",  # what is deleted does not stay in free pages
    f"wal_autocheckpoint={AUTOCHECKPOINT_PAGES}",
)


class Store:
    """One database. The other modules of this package use its connections."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = make_url(_normal(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite() if self.is_sqlite else self._postgresql()
        self.damage = Damage(Path(str(self.url.database)))
        self.outage = Outage(damaged=self._see_damage)
        self.clock = Clock(None if self.is_sqlite else self.read)
        self._kept = Kept()
        self._files: Identity | None = None
        """SQLite's files that were opened last; None: none yet."""
        most = SQLITE_CONNECTIONS if self.is_sqlite else 2 * pool_size
        stay = most if self.is_sqlite else pool_size
        self._pool = Pool(self._connect, most, stay)
        self._group = (
            GroupCommit(self._connect, _lock_file(self.url), self.damage)
            if self.is_sqlite
            else None
        )
        self._checkpointer = (
            Checkpointer(
                Path(str(self.url.database)),
                self._group.alone,
                self.outage.note,
                lambda: self.damage.is_seen,
            )
            if self._group
            else None
        )

    def read(self) -> AbstractContextManager[Connection]:
        """A connection in autocommit mode: each statement sees what is committed."""
        return self._pool.connection()

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction: committed at the end of the block, rolled back by any exception.

        Raises ``Deadlocked`` when the database has undone it for the sake of another.
        """
        return self._transaction() if self._group is None else self._group.writer()

    @contextmanager
    def migration(self) -> Iterator[sa.engine.Connection]:
        """A transaction of SQLAlchemy's own: Alembic commits one that it does not know."""
        turn = self._group.alone() if self._group else nullcontext()
        with turn, self.engine.connect() as conn, conn.begin():
            if self.is_sqlite:
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                self._let_take_long(conn)
            yield conn

    def start_checkpoints(self) -> None:
        """Begin to make SQLite's checkpoints in a thread, until ``close``."""
        if self._checkpointer is not None:
            self._checkpointer.start()

    def drop_log(self) -> None:
        """Let SQLite's log lose what was deleted, soon. PostgreSQL's own log is the server's."""
        if self._checkpointer is not None:
            self._checkpointer.drop()

    def close(self) -> None:
        """Close the connections. A later use opens new ones.

        Those of a damaged file stay: the last one's end would copy the damage into the database.
        """
        if self.damage.is_seen:
            return
        if self._checkpointer is not None:
            self._checkpointer.stop()
        self._pool.close()
        if self._group is not None:
            self._group.close()
        self.engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._pool.connection() as conn:
            conn.awaits_begin = conn.has_commit = True
            try:
                yield conn
                for callback in conn.before_commit:
                    callback()
                conn.commit_changes()
            except BaseException as error:
                conn.roll_back()
                if isinstance(error, sa.exc.DBAPIError) and is_deadlock(error):
                    raise Deadlocked from error
                raise
            callbacks = tuple(conn.after_commit)
        for callback in callbacks:
            callback()

    def _connect(self) -> Connection:
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        if not self.is_sqlite:
            return Connection(engine, self._kept)
        path = str(self.url.database)
        self.damage.refuse()
        if self._files is not None and not os.path.exists(path):
            raise FileReplaced  # SQLite would make an empty one
        conn = Connection(engine, self._kept)
        if (opened := identity(path)) != self._files:
            self._files = opened
            self._kept.clear()  # revisions of another file say nothing of this one
        return conn

    def _see_damage(self) -> None:
        if self.is_sqlite and identity(str(self.url.database)) == self._files:
            self.damage.report()  # else it is of files that are no longer there

    def _sqlite(self) -> Engine:
        if not self.url.database or self.url.database == ":memory:":
            raise ValueError("DATABASE_URL: SQLite needs a file, such as sqlite:///var/patchbay.db")
        path = Path(self.url.database)
        make_directory(path.parent)
        for end in FILES:
            tighten(path.with_name(path.name + end))
        engine = sa.create_engine(
            self.url,
            poolclass=NullPool,
            hide_parameters=True,
            json_serializer=json_text.dumps,
            json_deserializer=json_text.loads,
            connect_args={"check_same_thread": False, "cached_statements": 512},
        )
        event.listen(engine, "do_connect", lambda *_: make_file(path))
        event.listen(engine, "connect", partial(_prepare_sqlite, _lock_file(self.url)))
        return engine

    def _let_take_long(self, conn: sa.engine.Connection) -> None:
        from app.store import postgresql as server

        raw: Any = conn.connection.driver_connection
        raw.until = server.EVER
        conn.exec_driver_sql(server.LIMIT_MIGRATION)

    def _postgresql(self) -> Engine:
        # A process on SQLite need not spend the time of this import.
        from app.store import postgresql as server

        engine = sa.create_engine(
            self.url,
            poolclass=NullPool,
            pool_reset_on_return=None,  # a block of ours leaves no transaction
            paramstyle="format",  # by position: several statements can be sent as one
            hide_parameters=True,  # errors are logged, and must not show numbers and bodies
            json_serializer=json_text.dumps,
            json_deserializer=json_text.loads,
            # psycopg itself prepares nothing: it would forget what the pipeline has prepared, too
            connect_args={**server.network(self.url), "prepare_threshold": None},
        )
        event.listen(engine, "do_connect", lambda *given: server.connect(*given[2:]))
        event.listen(engine, "handle_error", _hide_detail)
        return engine


def before_commit(conn: sa.engine.Connection, callback: Callable[[], None]) -> None:
    """Run ``callback`` at the end of the transaction of ``Store.write``, as part of it."""
    cast("Connection", conn).before_commit.append(callback)


def after_commit(conn: sa.engine.Connection, callback: Callable[[], None]) -> None:
    """Run ``callback`` once the transaction of ``Store.write`` has been committed."""
    cast("Connection", conn).after_commit.append(callback)


def _lock_file(url: sa.URL) -> Path:
    return Path(f"{url.database}.lock")


def _prepare_sqlite(lock_file: Path, connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        # a new file; several processes may open it at once, and SQLite waits for none of them
        lock = FileLock(lock_file)
        lock.acquire(deadline.store_until())
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            lock.release()
            lock.close()
    connection.execute("PRAGMA schema_version").fetchone()  # opens the log as well


def _hide_detail(context: sa.engine.ExceptionContext) -> None:
    for error in (context.original_exception, context.sqlalchemy_exception):
        if isinstance(error, Exception):
            without_detail(error)


def _normal(url: str) -> str:
    """Name the driver for SQLAlchemy. Heroku's URLs begin with ``postgres://``."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


@lru_cache(maxsize=64)
def _insert_once(table: sa.Table, names: tuple[str, ...]) -> Prepared:
    def statement(dialect: str) -> ClauseElement:
        maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
        return maker(table).on_conflict_do_nothing().inline()

    return Prepared(statement, names)


@lru_cache(maxsize=64)
def _insert(table: sa.Table, names: tuple[str, ...]) -> Prepared:
    return Prepared(table.insert().inline(), names)


def insert(conn: sa.engine.Connection, table: sa.Table, values: Columns) -> None:
    """Insert a row. Columns without a value are NULL."""
    _insert(table, tuple(values)).put(conn, values)


def insert_once(conn: sa.engine.Connection, table: sa.Table, values: Columns) -> bool:
    """Insert unless a unique key exists already. Returns whether it was inserted."""
    return _insert_once(table, tuple(values)).run(conn, values) == 1


def insert_unless_there(conn: sa.engine.Connection, table: sa.Table, values: Columns) -> None:
    """``insert_once``, where the outcome does not matter."""
    _insert_once(table, tuple(values)).put(conn, values)


def one(result: CursorResult[Any]) -> Row | None:
    """The only row, or None."""
    row = result.one_or_none()
    return None if row is None else dict(row._mapping)


def every(result: CursorResult[Any]) -> Sequence[Row]:
    """All rows."""
    return [dict(row._mapping) for row in result]
