"""What is on disk when a process is killed, or the machine with it: every write that was told of."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.store.engine import Store

WRITERS = 8
PROGRAM = f"""
import itertools, os, sys, threading
from app.store.engine import Store

store, numbers = Store(sys.argv[1]), itertools.count()

def write():
    while True:
        number = next(numbers)
        try:
            with store.write() as conn:
                conn.raw.execute("INSERT INTO t VALUES (?)", (number,))
                if number % 7 == 0:
                    raise KeyError
        except KeyError:
            os.write(1, b"-%d\\n" % number)
        else:
            os.write(1, b"+%d\\n" % number)

for _ in range({WRITERS}):
    threading.Thread(target=write).start()
"""
"""Writers that share commits, some of which fail. They tell a number once they left the block."""


@contextmanager
def writers(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{database}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[bytes], lines: int) -> set[int]:
    """The numbers of the next lines: negative ones were taken back."""
    assert process.stdout is not None
    return {int(process.stdout.readline()) for _ in range(lines)}


def stored(database: Path) -> set[int]:
    with sqlite3.connect(database) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {number for (number,) in raw.execute("SELECT a FROM t")}


def check(database: Path, numbers: set[int]) -> None:
    found = stored(database)
    assert {n for n in numbers if n > 0} <= found
    assert not [n for n in found if n % 7 == 0]


def test_a_copy_of_the_files_at_any_moment_has_all_that_was_told(tmp_path: Path) -> None:
    """The moments are those in which the process stands still, wherever it is."""
    database = tmp_path / "a.db"
    store = Store(f"sqlite:///{database}")
    with store.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    store.close()
    numbers = set[int]()
    with writers(database) as process:
        for moment in range(12):
            numbers |= told(process, 30 + 17 * moment)
            process.send_signal(signal.SIGSTOP)
            copy = tmp_path / f"{moment}"
            copy.mkdir()
            for file in tmp_path.glob("a.db*"):
                shutil.copy(file, copy)
            process.send_signal(signal.SIGCONT)
            check(copy / "a.db", numbers)
    check(database, numbers)
