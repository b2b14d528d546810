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
from app.store.checkpoint import Checkpointer, Log, read_log

PAGE = 4_096
COPY, RESTART = 20, 60
PATIENCE = 30.0
"""Seconds until a test that waits for the thread gives up."""


@pytest.fixture(autouse=True)
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "COPY_PAGES", COPY)
    monkeypatch.setattr(checkpoint, "RESTART_PAGES", RESTART)


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
    """The size of the log in pages."""
    return Path(f"{database}-wal").stat().st_size // PAGE


def test_the_log_of_a_database_nobody_has_open_is_empty(database: Path) -> None:
    assert read_log(database) == Log(0, 0)


OTHER_PROCESS = """
import fcntl, sys

with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)
"""
"""Locks the byte by which SQLite knows that nobody uses the file (``UNIX_SHM_DMS``)."""


def is_in_use(database: Path) -> bool:
    """Whether another process finds the index of the log in use."""
    command = [sys.executable, "-c", OTHER_PROCESS, f"{database}-shm"]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_a_look_gives_up_no_lock_of_this_process(
    database: Path, writer: sqlite3.Connection
) -> None:
    """Else another process would cut the file, and this one would die of SIGBUS."""
    for _ in range(2):
        read_log(database)
    assert is_in_use(database)


def test_a_database_that_is_opened_anew_has_another_log(
    database: Path, writer: sqlite3.Connection
) -> None:
    write(writer, COPY)
    assert read_log(database).left > 0
    writer.close()
    assert read_log(database) == Log(0, 0)
    with closing(sqlite3.connect(database, isolation_level=None)) as again:
        write(again, 5)
        assert 0 < read_log(database).left < COPY
        assert is_in_use(database)


def test_a_short_log_is_left_alone(database: Path, writer: sqlite3.Connection) -> None:
    write(writer, COPY - 10)
    before = read_log(database)
    Checkpointer(database, nullcontext).look()
    assert read_log(database) == before
    assert (before.copied, 0 < before.left < COPY) == (0, True)


def test_a_long_log_is_copied_while_a_writer_is_in(
    database: Path, writer: sqlite3.Connection
) -> None:
    write(writer, 2 * COPY)
    writer.execute("BEGIN IMMEDIATE")
    Checkpointer(database, nullcontext).look()
    writer.execute("COMMIT")
    now = read_log(database)
    assert (now.left, now.pages >= 2 * COPY) == (0, True)


def test_writers_who_never_pause_do_not_let_the_log_grow(
    database: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each checkpoint leaves some pages, as if they came while it ran: a reader is before them."""
    turns, looks = list[int](), list[int]()
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:

        def look(path: Path) -> Log:
            looks.append(1)
            if len(looks) % 2 == 0:  # the first part is over
                reader.execute("COMMIT")
            return read_log(path)

        monkeypatch.setattr(checkpoint, "read_log", look)
        checkpointer = Checkpointer(database, lambda: nullcontext(turns.append(1)))
        for _ in range(40):
            write(writer, COPY)
            begin_reading(reader)
            write(writer, 3)
            checkpointer.look()
    assert len(looks) == 80
    assert log_file(database) < RESTART + 3 * COPY
    assert 0 < len(turns) < 40


def begin_reading(reader: sqlite3.Connection) -> None:
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM numbers").fetchone()


def test_a_reader_is_not_waited_for(database: Path, writer: sqlite3.Connection) -> None:
    """It holds up the log's new beginning, not the writers."""
    write(writer, 1)
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        begin_reading(reader)
        write(writer, RESTART + COPY)
        checkpointer = Checkpointer(database, nullcontext)
        checkpointer.look()
        assert read_log(database).left > RESTART
        assert reader.execute("SELECT count(*) FROM numbers").fetchone() == (1,)
    checkpointer.look()
    assert read_log(database).left == 0


def test_the_thread_looks_until_it_is_stopped(
    database: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_SECONDS", 0.001)
    looked = threading.Semaphore(0)

    def noted(self: Checkpointer, real: Callable[[Checkpointer], Any] = Checkpointer.look) -> None:
        real(self)
        looked.release()
        raise sqlite3.OperationalError("a failure does not end the thread")

    monkeypatch.setattr(Checkpointer, "look", noted)
    checkpointer = Checkpointer(database, nullcontext)
    checkpointer.start()
    checkpointer.start()  # a second start is none
    write(writer, 2 * COPY)
    for _ in range(3):
        assert looked.acquire(timeout=PATIENCE)
    checkpointer.stop()
    checkpointer.stop()
    assert read_log(database).left == 0
    assert "checkpoints" not in {thread.name for thread in threading.enumerate()}
