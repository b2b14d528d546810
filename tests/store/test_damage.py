"""A damaged page: nothing more is stored, nothing is copied, and the next start uses what is whole."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import exc

from app.store.checkpoint import Checkpointer
from app.store.damage import END, HOPELESS, WHOLE_LOG, Damage, Damaged
from app.store.engine import Store
from app.store.faults import CORRUPT, POSTGRESQL, sentence
from app.store.migrate import upgrade

FILLED = """
import os, sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("PRAGMA journal_mode=WAL")
raw.execute("PRAGMA wal_autocheckpoint=0")
raw.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE)")
for number in range(200):
    raw.execute("INSERT INTO t VALUES (?, ?)", (number, f"{number}" * 99))
    if number == int(sys.argv[2]):
        raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
os._exit(0)
"""
"""A process that is killed. Its log is copied after so many rows."""
NEVER, AFTER_ALL = -1, 199


def filled(path: Path, copied: int) -> Path:
    subprocess.run([sys.executable, "-c", FILLED, str(path), str(copied)], check=True)
    return path


def damage(file: Path, share: float) -> None:
    """Write random bytes over all but this share of its beginning."""
    size = file.stat().st_size
    with file.open("r+b") as raw:
        raw.seek(int(size * share))
        raw.write(os.urandom(size - int(size * share)))


def rows(path: Path) -> int:
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(raw.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.mark.parametrize(
    ("copied", "least", "most", "without"),
    [
        (NEVER, 90, 130, END),  # what lies before the damage
        (AFTER_ALL, 200, 200, WHOLE_LOG),  # a part of it would hide newer pages of the file
    ],
)
def test_a_start_leaves_out_what_is_damaged(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    copied: int,
    least: int,
    most: int,
    without: str,
) -> None:
    database = filled(tmp_path / "a b.db", copied)
    damage(Path(f"{database}-wal"), 0.5)
    marker = Path(f"{database}.damaged")
    marker.touch()
    Damage(database).check()
    assert without.partition(",")[0] in caplog.text
    assert "are lost, though they were acknowledged" in caplog.text
    assert not marker.exists()
    assert least <= rows(database) <= most


def test_a_start_refuses_a_file_that_no_log_mends(tmp_path: Path) -> None:
    """Until it is replaced."""
    database = filled(tmp_path / "a.db", AFTER_ALL)
    Path(f"{database}-wal").unlink()
    damage(database, 0.5)
    Path(f"{database}.damaged").touch()
    store = Store(f"sqlite:///{database}")
    with pytest.raises(Damaged, match=HOPELESS):
        upgrade(store)
    filled(database.with_name("backup.db"), NEVER).replace(database)
    Damage(database).check()
    store.close()


def test_a_new_file_may_take_its_place(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    Path(f"{database}.damaged").touch()
    Damage(database).check()
    assert list(tmp_path.iterdir()) == []


def test_a_start_without_damage_reads_nothing(tmp_path: Path) -> None:
    Damage(tmp_path / "a.db").check()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/a.db")
    with opened.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER)")
    yield opened
    opened.damage.is_seen = False
    opened.close()


def broken(code: int = sqlite3.SQLITE_CORRUPT) -> exc.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = code
    return exc.DatabaseError(None, None, error)


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CORRUPT_INDEX, sqlite3.SQLITE_NOTADB]
)
def test_nothing_is_stored_after_the_first_damaged_page(
    store: Store, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    stops = list[None]()
    store.damage.stop = lambda: stops.append(None)
    with pytest.raises(Damaged) as refused, store.write() as conn:  # noqa: PT012 - the commit
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")
        store.outage.note(broken(code))
    assert sentence(refused.value) == CORRUPT
    store.outage.note(broken(code))
    with pytest.raises(Damaged), store.write():
        pass
    assert len(stops) == 1
    assert caplog.text.count("the process stops") == 1
    assert Path(f"{store.url.database}.damaged").exists()


def test_no_connection_to_a_damaged_file_is_closed(store: Store) -> None:
    """The last one's end would copy the damage."""
    store.outage.note(broken())
    store.close()
    assert Path(f"{store.url.database}-wal").exists()


def test_a_page_of_a_file_that_is_gone_is_no_damage(store: Store) -> None:
    path = Path(str(store.url.database))
    path.rename(path.with_name("elsewhere"))
    store.outage.note(broken())
    assert not store.damage.is_seen


def test_other_failures_are_no_damage(store: Store) -> None:
    store.outage.note(broken(sqlite3.SQLITE_IOERR))
    assert not store.damage.is_seen
    assert "restore the backup" in POSTGRESQL["XX001"]


def test_a_checkpoint_copies_no_random_bytes(store: Store) -> None:
    """And it is the last one."""
    path = Path(str(store.url.database))
    checkpointer = Checkpointer(path, store.write, store.outage.note, lambda: store.damage.is_seen)
    checkpointer.look()
    copied = path.stat().st_mtime_ns
    with store.write() as conn:
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")
    damage(Path(f"{path}-wal"), 0.0)
    checkpointer.start()
    assert checkpointer._thread is not None
    checkpointer._thread.join()
    assert store.damage.is_seen
    assert path.stat().st_mtime_ns == copied
    assert checkpointer._connection is not None  # its end might copy it
