"""The database's two ways of use: what is committed, when, and who waits for whom."""

from __future__ import annotations

import fcntl
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.store.connection import Pool
from app.store.engine import Store, after_commit, insert
from app.store.faults import Deadlocked
from app.store.schema import orgs
from tests.store.rows import add_org
from tests.store.together import impatient, race

COUNT = sa.select(sa.func.count()).select_from(orgs)


def count(store: Store) -> int:
    with store.read() as conn:
        return int(conn.execute(COUNT).scalar_one())


class Changed(Exception):
    """Of a transaction's block."""


def fail(store: Store, before: Callable[[sa.Connection], object]) -> None:
    """A transaction that does something, and then fails."""
    with store.write() as conn:
        before(conn)
        raise Changed


# ------------------------------------------------------------------ transactions


def test_a_transaction_is_seen_once_it_is_committed(store: Store) -> None:
    with store.write() as conn:
        add_org(conn)
        assert conn.execute(COUNT).scalar_one() == 1  # it sees itself
        assert count(store) == 0
    assert count(store) == 1


def test_an_exception_rolls_everything_back(store: Store) -> None:
    with pytest.raises(Changed):
        fail(store, add_org)
    assert count(store) == 0
    with store.write() as conn:  # the next one goes as ever
        add_org(conn)
    assert count(store) == 1


def test_a_failed_statement_rolls_everything_back(store: Store) -> None:
    def twice(conn: sa.Connection) -> None:
        add_org(conn)
        for _ in range(2):
            conn.execute(orgs.insert(), {"id": "a", "name": "a", "created_at": None})

    with pytest.raises(DBAPIError):
        fail(store, twice)
    assert count(store) == 0


def test_each_statement_of_a_read_sees_what_is_committed_by_then(store: Store) -> None:
    with store.read() as reader:
        assert reader.execute(COUNT).scalar_one() == 0
        with store.write() as conn:
            add_org(conn)
        assert reader.execute(COUNT).scalar_one() == 1


def test_reads_wait_for_no_writer(store: Store) -> None:
    with store.write() as conn:
        add_org(conn, "a")
        conn.execute(orgs.update().values(name="changed"))
        assert count(store) == 0


def test_a_read_holds_no_transaction_open(store: Store) -> None:
    """It would keep PostgreSQL's vacuum and SQLite's checkpoint from their work."""
    with store.read() as conn:
        conn.execute(COUNT)
        raw: Any = conn.connection.dbapi_connection
        assert not (raw.in_transaction if store.is_sqlite else raw.info.transaction_status)


def test_writers_at_once_all_succeed(store: Store) -> None:
    race(store, 8, lambda conn, number: add_org(conn, str(number)))
    assert count(store) == 8


def test_references_are_held(store: Store) -> None:
    """SQLite checks them only when it is told to."""
    with pytest.raises(IntegrityError), store.write() as conn:
        conn.execute(sa.text("INSERT INTO rate_limits (key_id, empty_at) VALUES ('none', 0)"))


def test_a_connection_is_used_again_unless_the_database_failed_on_it(store: Store) -> None:
    with store.read() as first:
        pass
    with pytest.raises(Changed), store.read() as again:
        raise Changed
    assert again is first
    with pytest.raises(DBAPIError), store.read() as again:
        again.exec_driver_sql("SELECT * FROM nowhere")
    assert again is first
    with store.read() as other:
        assert other is not first


def test_a_connection_that_the_server_has_closed_is_replaced(store: Store) -> None:
    """By a restart of PostgreSQL, say. The next block does not fail for it."""
    with store.read() as first:
        if store.is_sqlite:
            return  # there is no server
        (pid,) = first.exec_driver_sql("SELECT pg_backend_pid()").one()
    with store.read() as other, store.read() as killer:
        assert other is first
        killer.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
    with store.write() as conn:
        assert conn is not first
        add_org(conn)
    assert count(store) == 1


class Opened:
    """A connection that knows whether it was closed."""

    closed = invalidated = is_dead = is_lost = False
    is_sqlite = True

    def close(self) -> None:
        self.closed = True

    def renew(self) -> None: ...


class Opening:
    """Opens connections, and has them all."""

    def __init__(self) -> None:
        self.all = list[Any]()

    def __call__(self) -> Any:
        self.all.append(Opened())
        return self.all[-1]

    @property
    def closed(self) -> list[bool]:
        return [each.closed for each in self.all]


def test_only_so_many_connections_stay_open() -> None:
    """A server has few, and a burst is short."""
    opening = Opening()
    pool = Pool(opening, 3, 1)
    with pool.connection(), pool.connection(), pool.connection():
        pass
    with pool.connection() as conn:
        assert not conn.closed
    assert opening.closed == [True, True, False]


def test_a_connection_that_only_a_burst_needed_is_closed() -> None:
    """Its statements take memory, one after the other."""
    opening, times = Opening(), iter([0.0, 0.0, 0.0, 60.0, 61.0, 62.0, 200.0])
    pool = Pool(opening, 3, 3, clock=lambda: next(times))
    with pool.connection(), pool.connection(), pool.connection():
        pass
    closed = list[int]()
    for _ in range(4):
        with pool.connection():
            pass
        closed.append(sum(opening.closed))
    assert closed == [0, 1, 2, 2]  # the last one is in use


# ------------------------------------------------------------------ after the commit


def test_what_follows_a_commit_sees_it_in_order(store: Store) -> None:
    seen: list[tuple[str, int]] = []
    with store.write() as conn:
        for name in ("first", "second"):
            after_commit(conn, lambda name=name: seen.append((name, count(store))))
        add_org(conn)
        assert seen == []
    assert seen == [("first", 1), ("second", 1)]


def test_nothing_follows_a_rollback(store: Store) -> None:
    seen: list[str] = []
    with pytest.raises(Changed):
        fail(store, lambda conn: after_commit(conn, lambda: seen.append("rolled back")))
    with store.write() as conn:  # on the same connection, from the pool
        after_commit(conn, lambda: seen.append("committed"))
    assert seen == ["committed"]


def test_what_follows_a_commit_may_write(store: Store) -> None:
    """The turn has passed on by then, or it would wait for itself."""

    def again() -> None:
        with store.write() as conn:
            add_org(conn)

    with store.write() as conn:
        after_commit(conn, again)
    assert count(store) == 1


def test_a_deadlock_is_told_from_a_failed_database(store: Store) -> None:
    """SQLite has one writer at a time: nothing waits there in a circle."""
    if store.is_sqlite:
        return
    start = threading.Barrier(2, timeout=20)

    def lock(first: int, second: int) -> str:
        try:
            with store.write() as conn:
                conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({first})")
                start.wait()
                conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({second})")
        except Deadlocked:
            return "deadlocked"
        return "done"

    with store.read(), store.read(), store.read():  # stay open for others
        pass
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lock, (1, 2), (2, 1))) == ["deadlocked", "done"]
    assert len(store._pool._free) == 3
    assert count(store) == 0


# ------------------------------------------------------------------ errors and addresses


def test_an_error_does_not_tell_the_values(store: Store) -> None:
    """Errors are logged; numbers and bodies must not be."""
    with store.write() as conn:
        add_org(conn, "a")
    row = {"id": "a", "name": "a secret name", "created_at": None, "updated_at": None}
    with pytest.raises(DBAPIError) as caught, store.write() as conn:
        conn.execute(orgs.insert(), row)
    told = "".join(traceback.format_exception(caught.value))
    assert "a secret name" not in told
    assert "DETAIL" not in told  # PostgreSQL's own words show the values of the row


def test_a_prepared_statement_s_error_does_not_tell_the_values(store: Store) -> None:
    name = "a secret id"

    def twice() -> None:
        with store.write() as conn:
            add_org(conn, name)
            insert(conn, orgs, {"id": name, "name": "a"})

    with pytest.raises(DBAPIError) as caught:
        twice()
    told = "".join(traceback.format_exception(caught.value))
    assert "a secret id" not in told


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_name_of_postgresql_means_the_one_driver(scheme: str) -> None:
    store = Store(f"{scheme}://user:password@host:5432/name?sslmode=require")
    assert not store.is_sqlite
    assert store.url.drivername == "postgresql+psycopg"
    assert (store.url.host, store.url.database) == ("host", "name")
    assert store.url.query == {"sslmode": "require"}
    assert "password" not in str(store.engine.url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL"):
        Store(url)


def test_the_directory_of_a_new_file_is_made(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/new/below/patchbay.db")
    with store.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a)")
    store.close()
    assert (tmp_path / "new/below/patchbay.db").exists()


# ------------------------------------------------------------------ SQLite

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: what is answered survives a power cut
    "foreign_keys": 1,
    "busy_timeout": 2000,
}


@pytest.fixture
def sqlite(tmp_path: Path) -> Store:
    store = Store(f"sqlite:///{tmp_path}/a.db")
    with store.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    return store


@pytest.mark.parametrize(("name", "value"), PRAGMAS.items())
def test_every_connection_is_durable_and_checks_references(
    sqlite: Store, name: str, value: object
) -> None:
    with sqlite.read() as first, sqlite.read() as second:
        for conn in (first, second):
            assert conn.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_a_writer_holds_the_database_from_its_beginning(sqlite: Store) -> None:
    """BEGIN IMMEDIATE: a transaction that reads first cannot fail at its first write."""
    with sqlite.write(), pytest.raises(OperationalError, match="locked"), impatient(sqlite):
        pass


def test_writers_of_several_processes_take_turns(sqlite: Store) -> None:
    """Each adds one to what it has read, many times; none is lost, and none meets a lock."""
    program = (
        "import sys; from app.store.engine import Store\n"
        "store = Store(sys.argv[1])\n"
        "for _ in range(50):\n"
        "    with store.write() as conn:\n"
        "        n = conn.exec_driver_sql('SELECT a FROM t').scalar()\n"
        "        conn.exec_driver_sql(f'UPDATE t SET a = {n + 1}')\n"
    )
    with sqlite.write() as conn:
        conn.exec_driver_sql("INSERT INTO t VALUES (0)")
    command = [sys.executable, "-c", program, str(sqlite.url)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    with sqlite.read() as conn:
        assert conn.exec_driver_sql("SELECT a FROM t").scalar() == 150


def test_a_writer_waits_for_another_process_that_holds_the_turn(sqlite: Store) -> None:
    """Another ``Store`` on the file is as good as another process: it has a lock of its own."""
    other = Store(str(sqlite.url))
    order: list[str] = []

    def second() -> None:
        with other.write() as conn:
            order.append("second")
            conn.exec_driver_sql("INSERT INTO t VALUES (2)")

    thread = threading.Thread(target=second)
    with sqlite.write() as conn:
        thread.start()
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")
        order.append("first")
    thread.join()
    other.close()
    assert order == ["first", "second"]


def test_a_turn_is_the_whole_machines(sqlite: Store) -> None:
    """SQLite's own waiting is not fair: the lock beside the file puts writers in a line."""
    with Path(f"{sqlite.url.database}.lock").open("w") as lock:
        with sqlite.write(), pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is free again


def test_a_failed_writer_passes_the_turn_on(sqlite: Store) -> None:
    other = Store(str(sqlite.url))
    with pytest.raises(Changed):
        fail(sqlite, lambda conn: conn.exec_driver_sql("INSERT INTO t VALUES (1)"))
    with other.write() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    other.close()


def test_a_closed_store_lets_go_of_its_file(sqlite: Store) -> None:
    sqlite.close()
    with sqlite3.connect(str(sqlite.url.database), timeout=0) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")  # needs the file for itself
    with sqlite.write() as conn:  # and opens again where it is used
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")
    sqlite.close()
