"""Opens the database, and gives the two ways to use it: ``read()`` and ``write()``.

SQLite runs in WAL mode with ``synchronous=FULL``: an answered callback survives a power cut. Each
write is one BEGIN IMMEDIATE transaction. Writers queue at a fair lock, because SQLite's own busy
handler sleeps without fairness. Reads never take the write lock. https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, CursorResult, Engine, make_url
from sqlalchemy.sql.dml import Insert

Columns = Mapping[str, Any]
"""Values to write, by column."""
Row = dict[str, Any]
"""A row that was read, by column."""


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",  # milliseconds
    "temp_store=MEMORY",
)
_BEFORE_COMMIT = "patchbay.before_commit"
_AFTER_COMMIT = "patchbay.after_commit"


class Store:
    """One database. The other modules of this package use its connections."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = make_url(_normal(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite() if self.is_sqlite else self._postgresql(pool_size)
        self._writer = threading.Lock()
        self._lock: IO[str] | None = None
        self._lock_file = Path(f"{self.url.database}.lock") if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in autocommit mode: each statement sees what is committed."""
        with self.engine.connect() as conn:
            yield conn.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any exception."""
        with self._turn(), self.engine.connect() as conn:
            conn.info[_BEFORE_COMMIT], conn.info[_AFTER_COMMIT] = [], []
            with conn.begin():
                if self.is_sqlite:
                    conn.exec_driver_sql("BEGIN IMMEDIATE")
                yield conn
                for callback in conn.info.pop(_BEFORE_COMMIT):
                    callback()
            callbacks = conn.info.pop(_AFTER_COMMIT)
        for callback in callbacks:
            callback()

    def close(self) -> None:
        self.engine.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one writer in: first of this process's threads, then of this machine's processes."""
        if self._lock_file is None:
            yield
            return
        with self._writer:
            if self._lock is None:
                self._lock = self._lock_file.open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _sqlite(self) -> Engine:
        if not self.url.database or self.url.database == ":memory:":
            raise ValueError("DATABASE_URL: SQLite needs a file, such as sqlite:///var/patchbay.db")
        Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(self.url, pool_size=16, max_overflow=16, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine

    def _postgresql(self, pool_size: int) -> Engine:
        return sa.create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,  # errors are logged, and must not show numbers and bodies
            connect_args={"connect_timeout": 5, "prepare_threshold": 3},
        )


def before_commit(conn: Connection, callback: Callable[[], None]) -> None:
    """Run ``callback`` at the end of the transaction of ``Store.write``, as part of it."""
    cast("list[Callable[[], None]]", conn.info[_BEFORE_COMMIT]).append(callback)


def after_commit(conn: Connection, callback: Callable[[], None]) -> None:
    """Run ``callback`` once the transaction of ``Store.write`` has been committed."""
    cast("list[Callable[[], None]]", conn.info[_AFTER_COMMIT]).append(callback)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _normal(url: str) -> str:
    """Name the driver for SQLAlchemy. Heroku's URLs begin with ``postgres://``."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


@lru_cache(maxsize=64)
def _insert_once(table: sa.Table, dialect: str) -> Insert:
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
    insert = maker(table).on_conflict_do_nothing()
    # Without the option psycopg reports no row count for a table with a generated key.
    return insert.execution_options(preserve_rowcount=True)


def insert_once(conn: Connection, table: sa.Table, values: Columns) -> bool:
    """Insert unless a unique key exists already. Returns whether it was inserted."""
    return conn.execute(_insert_once(table, conn.dialect.name), values).rowcount == 1


def one(result: CursorResult[Any]) -> Row | None:
    """The only row, or None."""
    row = result.one_or_none()
    return None if row is None else dict(row._mapping)


def every(result: CursorResult[Any]) -> Sequence[Row]:
    """All rows."""
    return [dict(row._mapping) for row in result]
