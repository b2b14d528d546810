"""A connection as the other modules of this package use it, within one ``read()`` or ``write()``.

SQLAlchemy's own pool resets, checks and wraps a connection at each use. That costs a request more
than its statements, so connections stay open here, and are handed out as they are.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

WAIT_SECONDS = 30.0
"""How long a thread waits for a free connection."""


class Connection(sa.engine.Connection):
    """SQLAlchemy's connection for rare statements; ``raw``, the driver's, for prepared ones."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.raw: Any = self.connection.driver_connection
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.before_commit = list[Callable[[], None]]()
        self.after_commit = list[Callable[[], None]]()
        self.revision: int | None = None
        """The revision of the operators' rows, once this block has asked (``kept.py``)."""

    def renew(self) -> None:
        """Begin a new block: nothing is left of the one before."""
        self.revision = None
        if self.before_commit or self.after_commit:
            self.before_commit, self.after_commit = [], []

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed it. That shows in the socket, without a round trip."""
        if self.is_sqlite:
            return False
        if self.raw.closed:
            return True
        readable, _, _ = select.select([self.raw.fileno()], [], [], 0)
        return bool(readable)

    def translated(self, error: Exception) -> Exception:
        """The driver's error as SQLAlchemy's, which never shows values."""
        base = self.dialect.loaded_dbapi.Error
        if not isinstance(error, base):
            return error
        translated = DBAPIError.instance(
            None, None, error, base, hide_parameters=True, dialect=self.dialect
        )
        return translated if isinstance(translated, Exception) else error


class Pool:
    """The open connections of one store, at most ``most`` of them in use at a time."""

    def __init__(self, connect: Callable[[], Connection], most: int) -> None:
        self._connect = connect
        self._room = threading.BoundedSemaphore(most)
        self._free = deque[Connection]()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One connection. Raises SQLAlchemy's ``TimeoutError`` when none gets free in time."""
        if not self._room.acquire(timeout=WAIT_SECONDS):
            raise PoolTimeoutError("no database connection is free")
        try:
            conn = self._take()
            try:
                yield conn
            except BaseException:
                conn.close()  # what it was doing is not known
                raise
            self._free.append(conn)
        finally:
            self._room.release()

    def _take(self) -> Connection:
        while True:
            try:
                conn = self._free.pop()
            except IndexError:
                return self._connect()
            if not (conn.closed or conn.invalidated or conn.is_dead):
                conn.renew()
                return conn
            conn.invalidate()
            conn.close()

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._free:
            self._free.pop().close()
