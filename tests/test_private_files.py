"""What other users of the machine may read: nothing that the program makes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.private_files import make_directory, make_file, open_to_others
from app.settings import load
from app.store.blobs import Disk
from app.store.engine import Store

WIDE = 0o022
"""The umask of most machines."""


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(WIDE)
    yield
    os.umask(before)


def open_ones(directory: Path) -> set[str]:
    """Names of what others may read."""
    return {path.name for path in [directory, *directory.rglob("*")] if open_to_others(path)}


def test_a_new_database_is_private(tmp_path: Path) -> None:
    var = tmp_path / "new" / "var"
    load({"DATABASE_URL": f"sqlite:///{var}/patchbay.db"})
    store = Store(f"sqlite:///{var}/patchbay.db")
    with store.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x)")
    assert {path.name for path in var.iterdir()} >= {
        "patchbay.db",
        "patchbay.db-wal",
        "patchbay.db-shm",
        "secret_key",
    }
    store.close()
    assert open_ones(tmp_path / "new") <= {"patchbay.db.lock"}  # empty; the server's umask has it
    assert stat.S_IMODE(var.stat().st_mode) == 0o700


def test_an_earlier_versions_files_are_made_private(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    earlier = sqlite3.connect(path)
    earlier.execute("PRAGMA journal_mode=WAL")
    earlier.execute("CREATE TABLE t (x)")
    (tmp_path / "secret_key").write_text("a secret key of an earlier version")
    tmp_path.chmod(0o755)
    assert open_ones(tmp_path) > {"patchbay.db", "patchbay.db-wal", "secret_key"}
    load({"DATABASE_URL": f"sqlite:///{path}"})
    Store(f"sqlite:///{path}").close()
    assert open_ones(tmp_path) == {tmp_path.name}  # it may hold other things: the doctor tells
    earlier.close()


def test_recordings_are_private(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"sound")
    root = tmp_path / "var" / "recordings"
    Disk(root).put("a/b.wav", source, "audio/wav")
    assert open_ones(tmp_path / "var") == set()


def test_a_directory_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_directory(tmp_path / "a" / "b")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert open_ones(tmp_path / "a") == set()


def test_making_a_file_keeps_what_is_there(tmp_path: Path) -> None:
    """Threads and processes race for it: one wins, and nothing else is left."""
    path = tmp_path / "file"
    threads = [threading.Thread(target=make_file, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path.write_text("kept")
    make_file(path)
    assert path.read_text() == "kept"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_start_drops_no_lock_of_sqlite(tmp_path: Path) -> None:
    """A close of the file in this process would drop the locks that its connections hold."""
    path = tmp_path / "patchbay.db"
    mine = sqlite3.connect(path, timeout=0)
    mine.execute("CREATE TABLE t (x)")
    mine.execute("BEGIN IMMEDIATE")
    path.chmod(0o644)
    Store(f"sqlite:///{path}").close()
    make_file(path)
    assert taken_elsewhere(path) == "database is locked"
    mine.rollback()
    assert taken_elsewhere(path) == "taken"
    mine.close()


ASK = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
    print("taken")
except sqlite3.OperationalError as error:
    print(error)
"""


def taken_elsewhere(path: Path) -> str:
    """Whether another process gets the lock. A fork would take its word from our memory."""
    command = [sys.executable, "-S", "-c", ASK, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()
