"""Two connections at once: races, and transactions that another one holds up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

import sqlalchemy as sa

from app.store.connection import Connection
from app.store.engine import Store

T = TypeVar("T")
LOCK_TIMEOUT = sa.text("SET LOCAL lock_timeout = '20ms'")
"""Counts only while a lock is waited for."""
SLOW = """
CREATE FUNCTION pg_temp.go_on() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_lock_shared(1);
    PERFORM pg_advisory_unlock_shared(1);
    RETURN true;
END $$;
CREATE TEMP VIEW {table} AS SELECT * FROM {table} WHERE pg_temp.go_on()
"""
"""Each statement with the table has seen its rows, and waits here before it locks one."""
STOPPED = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND objid = 1 AND NOT granted AND datname = current_database()
"""


def race(store: Store, writers: int, work: Callable[[Connection, int], T]) -> list[T]:
    """What each got of ``work``, all having begun at once, each in a transaction of its own."""
    start = Barrier(writers)

    def one(number: int) -> T:
        start.wait()
        with store.write() as conn:
            return work(conn, number)

    with ThreadPoolExecutor(writers) as pool:
        return list(pool.map(one, range(writers)))


@contextmanager
def impatient(store: Store) -> Iterator[Connection]:
    """A transaction that raises ``OperationalError`` where it would wait for another.

    SQLite has one writer at a time: there it raises at once while any other is under way.
    """
    # prepared statements are compiled once: by position, as the store's own engine has it
    options = {"connect_args": {"timeout": 0}} if store.is_sqlite else {"paramstyle": "format"}
    engine = sa.create_engine(store.url, poolclass=sa.NullPool, **options)
    with _transaction(engine, "COMMIT") as conn:
        if not store.is_sqlite:
            conn.execute(LOCK_TIMEOUT)
        yield conn


def overtaken(
    store: Store, table: str, slow: Callable[[Connection], T], fast: Callable[[], None]
) -> T:
    """What ``slow`` returned, whose statement saw the table's rows before ``fast`` changed them.

    It locks and changes rows after that. PostgreSQL only: SQLite has one writer at a time.
    """
    engine = sa.create_engine(store.url, poolclass=sa.NullPool, paramstyle="format")

    def work() -> T:
        with _transaction(engine, "COMMIT") as conn:
            conn.exec_driver_sql(SLOW.format(table=table))
            return slow(conn)

    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    with ThreadPoolExecutor(1) as pool, autocommit.connect() as gate:
        gate.exec_driver_sql("SELECT pg_advisory_lock(1)")
        result = pool.submit(work)
        while not (result.done() or gate.exec_driver_sql(STOPPED).scalar()):
            continue
        fast()
        gate.exec_driver_sql("SELECT pg_advisory_unlock(1)")
        return result.result()


@contextmanager
def draft(store: Store) -> Iterator[Connection]:
    """A transaction that is rolled back: one example of a property leaves nothing to the next."""
    with _transaction(store.engine, "ROLLBACK") as conn:
        yield conn


@contextmanager
def _transaction(engine: sa.Engine, end: str) -> Iterator[Connection]:
    with Connection(engine.execution_options(isolation_level="AUTOCOMMIT")) as conn:
        conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.is_sqlite else "BEGIN")
        yield conn
        conn.exec_driver_sql(end)
