"""The database fails: nobody waits for long, nothing is acknowledged and lost, and it goes on."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from app import deadline
from app.store import file_lock
from app.store.engine import Store
from app.store.faults import (
    NO_ANSWER,
    NOT_REACHABLE,
    POSTGRESQL,
    REPLACED,
    SQLITE,
    FileReplaced,
    TimedOut,
    sentence,
)
from app.store.file_lock import FileLock
from app.store.outage import EVERY_SECONDS, Outage
from tests.store.rows import add_org

BRIEF = deadline.MARGIN_SECONDS + 0.05
"""Seconds of a request whose time is nearly over."""


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/a.db")
    with opened.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    yield opened
    opened.close()


def path_of(store: Store) -> Path:
    return Path(str(store.url.database))


def put(store: Store, number: int = 1) -> None:
    with store.write() as conn:
        conn.exec_driver_sql(f"INSERT INTO t VALUES ({number})")


def numbers(path: Path) -> list[int]:
    with sqlite3.connect(path) as raw:
        return [number for (number,) in raw.execute("SELECT a FROM t ORDER BY a")]


# ------------------------------------------------------------------ the time for it


def test_a_change_after_its_deadline_is_not_made(store: Store) -> None:
    """The client may have got 503 by then."""

    def late() -> None:
        with store.write() as conn:
            add_org(conn)
            deadline.begin(deadline.Deadline(0.0))
            conn.until = 0.0

    with pytest.raises(TimedOut):
        late()
    deadline.begin(None)
    with store.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM orgs").scalar() == 0


def test_the_wait_for_another_server_does_not_count() -> None:
    with deadline.within(100.0):
        before = deadline.store_until()
        with deadline.paused():
            assert deadline.store_until() == float("inf")
        assert deadline.store_until() >= before
    with deadline.paused():  # without a deadline nothing changes
        assert deadline.store_until() < float("inf")


@contextmanager
def locked_by_a_program(store: Store) -> Iterator[None]:
    """One that knows nothing of the lock file, such as the ``sqlite3`` shell."""
    with sqlite3.connect(path_of(store), isolation_level=None) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


@contextmanager
def locked_by_a_sibling(store: Store) -> Iterator[None]:
    """A process of ours that hangs within its turn."""
    with Path(f"{path_of(store)}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("locked", [locked_by_a_program, locked_by_a_sibling])
def test_all_who_wait_for_a_locked_file_are_told_in_time(sqlite: Store, locked: Any) -> None:
    told = list[str]()

    def write() -> None:
        with deadline.within(BRIEF):
            try:
                put(sqlite)
            except exc.SQLAlchemyError as error:
                told.append(sentence(error))

    threads = [threading.Thread(target=write) for _ in range(4)]
    with locked(sqlite):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert told == ["locked by another process"] * 4
    put(sqlite)
    assert numbers(path_of(sqlite)) == [1]


def test_a_lock_that_was_given_up_is_not_kept(tmp_path: Path) -> None:
    """The thread that still waits gets it later, and gives it back."""
    ours, path = FileLock(tmp_path / "lock"), tmp_path / "lock"
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimedOut):
            ours.acquire(0.0)
        fcntl.flock(other, fcntl.LOCK_UN)
        ours.acquire(time.monotonic() + 30)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours.release()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    ours.close()
    assert "file lock" not in {thread.name for thread in threading.enumerate()}
    assert sentence(TimedOut(file_lock.LOCKED)) == file_lock.LOCKED


def test_a_lock_without_a_thread_to_wait_for_it_is_waited_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, path = FileLock(tmp_path / "lock"), tmp_path / "lock"

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimedOut):
            ours.acquire(0.0)
    assert ours.wait is not None
    with ours.wait._guard:  # its thread has the lock, and gives it back
        ours.wait._guard.wait_for(lambda: ours.wait is not None and ours.wait._ended, 30)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TimedOut):
            ours.acquire(time.monotonic() + 30)
    ours.acquire(time.monotonic() + 30)
    ours.release()
    ours.close()


def test_the_commit_is_made_though_all_others_in_line_gave_up(sqlite: Store) -> None:
    """A writer passed the turn on to one who had just left."""
    group = sqlite._group
    assert group is not None
    group._line.append(None)  # who waits no longer, and has not said so yet
    put(sqlite, 7)
    group._line.pop()
    assert numbers(path_of(sqlite)) == [7]


# ------------------------------------------------------------------ SQLite's file


def test_nothing_is_acknowledged_into_a_deleted_file(sqlite: Store) -> None:
    put(sqlite)
    path_of(sqlite).unlink()
    for _ in range(2):
        with pytest.raises(FileReplaced, match=REPLACED):
            put(sqlite, 2)
    with pytest.raises(FileReplaced), sqlite.read():
        pass
    assert not path_of(sqlite).exists()  # and no empty one is made


def test_a_file_that_is_deleted_before_the_commit(sqlite: Store) -> None:
    def change() -> None:
        with sqlite.write() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES (1)")
            path_of(sqlite).unlink()

    with pytest.raises(FileReplaced):
        change()


def test_a_file_that_is_put_back_is_used_again(sqlite: Store) -> None:
    put(sqlite)
    aside = path_of(sqlite).with_name("aside.db")
    path_of(sqlite).rename(aside)
    with pytest.raises(FileReplaced):
        put(sqlite, 2)
    aside.rename(path_of(sqlite))
    put(sqlite, 3)
    assert {1, 3} <= set(numbers(path_of(sqlite)))


def test_a_database_in_the_place_of_another_is_opened(sqlite: Store, tmp_path: Path) -> None:
    """Such as a backup that was restored."""
    put(sqlite)
    with sqlite3.connect(tmp_path / "b.db") as backup:
        backup.execute("CREATE TABLE t (a INTEGER)")
        backup.execute("INSERT INTO t VALUES (100)")
    backup.close()
    for name in ("-wal", "-shm"):
        Path(f"{path_of(sqlite)}{name}").unlink()
    (tmp_path / "b.db").rename(path_of(sqlite))
    put(sqlite, 2)
    with sqlite.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM t").scalar() == 2
    assert numbers(path_of(sqlite)) == [2, 100]


def test_a_deleted_log_is_noticed(sqlite: Store) -> None:
    put(sqlite)
    Path(f"{path_of(sqlite)}-wal").unlink()
    put(sqlite, 2)
    assert numbers(path_of(sqlite)) == [1, 2]


def test_a_full_database_says_so_and_goes_on_with_room(sqlite: Store) -> None:
    group = sqlite._group
    assert group is not None
    assert group._conn is not None
    group._conn.raw.execute("PRAGMA max_page_count=1")
    with pytest.raises(exc.DBAPIError) as caught, sqlite.write() as conn:
        conn.exec_driver_sql("CREATE TABLE u AS SELECT zeroblob(100000)")
    assert sentence(caught.value) == "the disk is full"
    put(sqlite)  # by another connection, which has no such limit
    assert numbers(path_of(sqlite)) == [1]


# ------------------------------------------------------------------ PostgreSQL


def backends(store: Store) -> tuple[int, ...]:
    """The processes of PostgreSQL that serve this store's idle connections."""
    return tuple(conn.raw.info.backend_pid for conn in store._pool._free)


@contextmanager
def frozen(pids: tuple[int, ...]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_is_frozen_is_not_waited_for(store: Store) -> None:
    """Its kernel answers, so no limit of the network ends the wait."""
    if store.is_sqlite:
        return
    with store.read(), store.read():
        pass
    stuck = backends(store)
    with frozen(stuck), deadline.within(BRIEF):
        with pytest.raises(exc.OperationalError) as caught, store.read() as conn:
            conn.exec_driver_sql("SELECT 1")
        assert sentence(caught.value) == "does not answer in time"
        assert backends(store) == ()  # the others are likely to be as dead
    with store.write() as conn:
        add_org(conn)
    assert not set(backends(store)) & set(stuck)


def test_every_session_has_its_limits(store: Store) -> None:
    if store.is_sqlite:
        return
    from app.store.postgresql import LIMITS, MIGRATION_LIMITS, NETWORK

    def shown(conn: Any) -> dict[str, str]:
        return {name: conn.exec_driver_sql(f"SHOW {name}").scalar() for name in LIMITS}

    with store.read() as conn:
        assert shown(conn) == LIMITS
        parameters = conn.raw.info.get_parameters()
        assert {name: int(parameters[name]) for name in NETWORK} == NETWORK
    with store.migration() as conn:
        assert shown(conn) == {**LIMITS, **MIGRATION_LIMITS, "lock_timeout": "5min"}
    with store.engine.connect() as conn:  # no limit of a migration is left
        assert shown(conn) == LIMITS


def test_what_the_address_sets_itself_is_kept() -> None:
    from app.store.postgresql import network

    given = network(sa.make_url("postgresql://host/name?connect_timeout=30"))
    assert "connect_timeout" not in given
    assert given["keepalives"] == 1


# ------------------------------------------------------------------ what is told


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_line_a_minute_for_all_who_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    outage = Outage(clock)
    for _ in range(100):
        outage.note(TimedOut(), refused=True)
    assert len(caplog.records) == 1
    clock.now = EVERY_SECONDS
    outage.note(TimedOut())
    outage.note(FileReplaced())  # another failure is told at once
    outage.end()
    outage.end()
    assert [record.getMessage() for record in caplog.records[1:]] == [
        "the database fails: does not answer in time; 100 requests answered 503 in 60 s",
        f"the database fails: {REPLACED}; 100 requests answered 503 in 60 s",
        "the database can be used again: 100 requests were answered 503 in 60 s",
    ]
    assert not any(record.exc_info for record in caplog.records)


def broken(code: int) -> Callable[[], sqlite3.Error]:
    def make() -> sqlite3.Error:
        error = sqlite3.OperationalError("+1415 is in it")
        error.sqlite_errorcode = code
        return error

    return make


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (broken(5), "locked by another process"),
        (broken(2570), "the disk reports errors"),  # SQLITE_IOERR and more bits
        (broken(1), "fails: OperationalError"),
        (lambda: exc.TimeoutError("x"), "does not answer in time"),
        (lambda: OSError("+1415"), "fails: OSError"),
    ],
)
def test_a_sentence_for_each(error: Callable[[], Exception], expected: str) -> None:
    assert sentence(error()) == expected


def test_every_sentence_is_on_the_page_that_says_what_to_do() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    own = (REPLACED, NOT_REACHABLE, NO_ANSWER, file_lock.LOCKED)
    for each in (*own, *SQLITE.values(), *POSTGRESQL.values()):
        assert f"`{each}`" in page, each
