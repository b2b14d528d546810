"""Checkpoints: beside the commits, without waiting for anybody, and the log stays short."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from app.store import checkpoint
from app.store.checkpoint import Checkpointer, Log, copied
from app.store.engine import Store

PAGE = 4_096
RESTART = 60
PATIENCE = 30.0
"""Seconds until a test that waits for the thread gives up."""


@pytest.fixture(autouse=True)
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "RESTART_PAGES", RESTART)
    monkeypatch.setattr(checkpoint, "FEW_PAGES", 5)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def writer(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database, isolation_level=None)) as opened:
        for pragma in ("journal_mode=WAL", "wal_autocheckpoint=0"):
            opened.execute(f"PRAGMA {pragma}")
        opened.execute("CREATE TABLE numbers (n INTEGER, filling BLOB)")
        yield opened


def write(writer: sqlite3.Connection, pages: int) -> None:
    """Add so many pages to the log, and two or three more."""
    writer.execute("BEGIN IMMEDIATE")
    for _ in range(pages):
        writer.execute("INSERT INTO numbers VALUES (1, zeroblob(3500))")
    writer.execute("COMMIT")


def log_file(database: Path) -> int:
    """The size of the log in pages. It is asked of the directory: the file stays closed."""
    return Path(f"{database}-wal").stat().st_size // PAGE


def in_database(database: Path) -> int:
    """The pages that are in the database's own file."""
    return database.stat().st_size // PAGE


@pytest.fixture
def checkpointer(database: Path) -> Iterator[Checkpointer]:
    made = Checkpointer(database, nullcontext)
    yield made
    made.stop()


def test_what_was_committed_is_copied(
    database: Path, writer: sqlite3.Connection, checkpointer: Checkpointer
) -> None:
    write(writer, 20)
    assert in_database(database) < 20
    checkpointer.look()
    assert in_database(database) > 20
    assert copied(writer).left == 0


def test_without_a_commit_nothing_is_done(
    writer: sqlite3.Connection, checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(writer, 1)
    checkpointer.look()
    monkeypatch.setattr(checkpoint, "copied", None)  # it cannot be called
    checkpointer.look()


def test_a_log_is_copied_while_a_writer_is_in(
    database: Path, writer: sqlite3.Connection, checkpointer: Checkpointer
) -> None:
    write(writer, 20)
    writer.execute("BEGIN IMMEDIATE")
    checkpointer.look()
    writer.execute("COMMIT")
    assert in_database(database) > 20


def test_a_long_log_begins_anew_while_no_writer_is_in(
    database: Path, writer: sqlite3.Connection
) -> None:
    turns = list[int]()

    def alone() -> Any:
        turns.append(1)
        return nullcontext()

    checkpointer = Checkpointer(database, alone)
    write(writer, RESTART + 20)
    checkpointer.look()
    assert turns == [1]
    size = log_file(database)
    write(writer, 20)
    checkpointer.look()
    checkpointer.stop()
    assert (turns, log_file(database)) == ([1], size)


def test_writers_who_never_pause_do_not_let_the_log_grow(
    database: Path,
    writer: sqlite3.Connection,
    checkpointer: Checkpointer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages come while each round copies, so none is the last by itself."""

    def busy(connection: sqlite3.Connection) -> Log:
        found = copied(connection)
        write(writer, 3)
        return Log(found.pages + 3, found.copied)

    monkeypatch.setattr(checkpoint, "copied", busy)
    for _ in range(40):
        write(writer, 20)
        checkpointer.look()
    assert log_file(database) < 3 * RESTART


def begin_reading(reader: sqlite3.Connection) -> None:
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM numbers").fetchone()


def test_a_reader_is_not_waited_for(
    database: Path, writer: sqlite3.Connection, checkpointer: Checkpointer
) -> None:
    """It holds up the log's new beginning, not the writers."""
    write(writer, 1)
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        begin_reading(reader)
        write(writer, RESTART + 20)
        checkpointer.look()
        assert reader.execute("SELECT count(*) FROM numbers").fetchone() == (1,)
    write(writer, 1)
    checkpointer.look()
    assert copied(writer).left == 0


def test_the_thread_looks_until_it_is_stopped(
    database: Path,
    writer: sqlite3.Connection,
    checkpointer: Checkpointer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_SECONDS", 0.001)
    looked = threading.Semaphore(0)

    def noted(self: Checkpointer, real: Callable[[Checkpointer], Any] = Checkpointer.look) -> None:
        real(self)
        looked.release()
        raise sqlite3.OperationalError("a failure does not end the thread")

    monkeypatch.setattr(Checkpointer, "look", noted)
    checkpointer.start()
    checkpointer.start()  # a second start is none
    write(writer, 20)
    for _ in range(3):
        assert looked.acquire(timeout=PATIENCE)
    checkpointer.stop()
    checkpointer.stop()
    assert in_database(database) > 20
    assert "checkpoints" not in {thread.name for thread in threading.enumerate()}


TAKES = """
import fcntl, sys
with open(sys.argv[1] + "-shm", "r+b") as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)
"""
"""The lock of each process that has the database open. Who gets it alone is the first one.
https://www.sqlite.org/src/file/src/os_unix.c (UNIX_SHM_DMS)"""


def test_the_locks_of_the_process_are_kept(tmp_path: Path) -> None:
    """Else another process that opens the file takes itself for the first one, and empties the
    memory that both share: this process would die of SIGBUS, or the file would be damaged."""
    database = tmp_path / "a.db"
    store = Store(f"sqlite:///{database}")
    with store.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    checkpointer = Checkpointer(database, nullcontext)
    checkpointer.look()
    checkpointer.stop()
    taken = subprocess.run([sys.executable, "-c", TAKES, str(database)], capture_output=True)
    assert b"BlockingIOError" in taken.stderr
    store.close()
