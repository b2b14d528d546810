"""Rows that only operators change, kept in memory until one does.

They are organisations, API keys, accounts, numbers, assistants, their tools and outputs, and
customers. Triggers count every change of their tables in ``revisions``. What is kept is good while
that number stands still. So the next request of each process sees a change that any process makes. A request reads one number
instead of several rows. What is made from such rows alone may be kept beside them.

A kept value is shared between threads: it must not be changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from app.store.connection import Connection
from app.store.prepared import Prepared
from app.store.schema import revisions

MOST = 10_000

_REVISION = Prepared(sa.select(revisions.c.number))

T = TypeVar("T")


class Kept:
    """The kept rows of one store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = -1
        self._rows: dict[Hashable, Any] = {}

    def find(self, revision: int, key: Hashable) -> Any:
        """The value as of this revision; None when it is not kept."""
        return self._rows.get(key) if revision == self._revision else None

    def keep(self, revision: int, key: Hashable, value: Any) -> None:
        with self._lock:
            if revision < self._revision:
                return  # a reader that began before the last change
            if revision > self._revision or len(self._rows) >= MOST:
                self._revision, self._rows = revision, {}
            self._rows[key] = value

    def clear(self) -> None:
        with self._lock:
            self._revision, self._rows = -1, {}


def kept(conn: sa.engine.Connection, key: Hashable, load: Callable[[], T]) -> T:
    """The kept value of ``key``, or else that of ``load()``, which is kept unless it is empty.

    ``load`` may read the operators' tables only.
    """
    ours = cast("Connection", conn)
    if ours.changes_kept_rows or ours.kept is None:
        return load()
    revision = ours.revision
    if revision is None:
        revision = ours.revision = _revision(ours)
    if revision is None:  # the number is not there: nothing counts the changes
        return load()
    found: T | None = ours.kept.find(revision, key)
    if found is not None:
        return found
    value = load()
    if value:  # an unknown id is not kept: anyone could fill the memory with such
        ours.kept.keep(revision, key, value)
    return value


def _revision(conn: Connection) -> int | None:
    found: int | None
    if not conn.awaits_begin:
        found = _REVISION.scalar(conn, {})
        return found
    with conn.outside_its_transaction():
        found = _REVISION.scalar(conn, {})
        return found


def changes_kept_rows(conn: sa.engine.Connection) -> None:
    """This transaction changes an operator's row: until it is committed, nothing of it is kept."""
    cast("Connection", conn).changes_kept_rows = True
