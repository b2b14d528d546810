"""Writers on SQLite that share a commit: each alone in failure, all together on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from app.store import group_commit
from app.store.connection import Connection
from app.store.engine import Store, after_commit, before_commit
from app.store.group_commit import GroupCommit
from tests.properties import with_one_store


class Failed(Exception):
    """Of a writer's block."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/a.db")
    with store.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    yield store
    store.close()


def rows(store: Store) -> list[int]:
    """What is on disk, by another connection."""
    with sqlite3.connect(str(store.url.database)) as raw:
        return [number for (number,) in raw.execute("SELECT a FROM t ORDER BY a")]


def insert(conn: Any, number: int) -> None:
    conn.raw.execute("INSERT INTO t VALUES (?)", (number,))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine splits no group of a test."""
    monkeypatch.setattr(group_commit, "LONGEST_SECONDS", 60.0)


def together(store: Store, works: Sequence[Callable[[Connection], None]]) -> list[Future[None]]:
    """Run the works as one group, in any order: all stand in line before the first begins."""

    def write(work: Callable[[Connection], None]) -> None:
        with store.write() as conn:
            work(conn)

    group = group_of(store)
    with ThreadPoolExecutor(max(1, len(works))) as pool:
        with group._turn:
            futures = [pool.submit(write, work) for work in works]
            while len(group._line) < len(works):
                pass
        return futures


def group_of(store: Store) -> GroupCommit:
    assert store._group is not None
    return store._group


def commits(store: Store) -> list[str]:
    """The statements that end a transaction, from now on."""
    told = list[str]()
    conn: Any = group_of(store)._conn
    conn.raw.set_trace_callback(
        lambda text: told.append(text) if text in ("COMMIT", "ROLLBACK") else 0
    )
    return told


def test_one_commit_serves_all_who_stand_in_line(store: Store) -> None:
    told = commits(store)
    futures = together(store, [lambda conn, n=n: insert(conn, n) for n in range(8)])
    assert [future.exception() for future in futures] == [None] * 8
    assert rows(store) == list(range(8))
    assert told == ["COMMIT"]


@with_one_store(60)
@given(
    st.lists(st.sampled_from(["good", "raises", "breaks a rule", "fails at its end"]), max_size=7)
)
def test_each_fails_alone(store: Store, fates: list[str]) -> None:
    """Whatever the others of its group do, a writer's work is stored exactly if it did not fail."""

    def work(number: int, fate: str) -> Callable[[Connection], None]:
        def write(conn: Connection) -> None:
            insert(conn, number)
            if fate == "raises":
                raise Failed
            if fate == "breaks a rule":
                insert(conn, number)
            if fate == "fails at its end":
                before_commit(conn, fail)

        return write

    with store.write() as conn:
        conn.exec_driver_sql("DELETE FROM t")
    futures = together(store, [work(number, fate) for number, fate in enumerate(fates)])
    fine = [number for number, fate in enumerate(fates) if fate == "good"]
    assert [n for n, future in enumerate(futures) if future.exception() is None] == fine
    assert rows(store) == fine


def fail() -> None:
    raise Failed


class Raw:
    """The driver's connection, whose disk fails at one command."""

    def __init__(self, raw: Any, command: str) -> None:
        self._raw, self._command = raw, command

    def execute(self, text: str, *values: Any) -> Any:
        if text == self._command:
            self._raw.rollback()  # as SQLite does by itself when the disk is full
            raise sqlite3.OperationalError("database or disk is full")
        return self._raw.execute(text, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


@pytest.mark.parametrize("command", ["COMMIT", "SAVEPOINT writer", "RELEASE writer"])
def test_a_disk_that_fails_tells_no_writer_yes(store: Store, command: str) -> None:
    conn: Any = group_of(store)._conn
    told, real = list[int](), conn.raw

    def work(number: int) -> Callable[[Connection], None]:
        def write(conn: Connection) -> None:
            insert(conn, number)
            after_commit(conn, lambda: told.append(number))

        return write

    conn.raw = Raw(real, command)
    futures = together(store, [work(number) for number in range(4)])
    failed = [n for n, future in enumerate(futures) if future.exception() is not None]
    assert all(isinstance(futures[n].exception(), OperationalError) for n in failed)
    assert sorted([*failed, *told]) == [0, 1, 2, 3]
    assert rows(store) == sorted(told)
    conn.raw = real
    with store.write() as again:  # and it goes on once the disk works
        insert(again, 9)
    assert rows(store) == sorted([*told, 9])


def test_a_writer_that_fails_by_what_another_wrote_waits_for_it(store: Store) -> None:
    """Afterwards it reads what it met: else it would find nothing, and try in vain again."""
    seen = list[list[int]]()

    def write(_: int) -> None:
        try:
            with store.write() as conn:
                insert(conn, 1)
        except sqlite3.IntegrityError:
            seen.append(rows(store))

    group = group_of(store)
    with ThreadPoolExecutor(4) as pool:
        with group._turn:
            ended = pool.map(write, range(4))
            while len(group._line) < 4:
                pass
        list(ended)
    assert seen == [[1]] * 3


def test_callbacks_belong_to_their_writer(store: Store) -> None:
    """Even if the one before had none: they share a connection."""
    told = list[str]()
    works: list[Callable[[Connection], None]] = [
        lambda conn: insert(conn, 1),
        lambda conn: after_commit(conn, lambda: told.append("second")),
        lambda conn: insert(conn, 3),
    ]
    together(store, works)
    assert told == ["second"]


def test_who_wants_to_be_alone_waits_for_no_open_group(store: Store) -> None:
    """It commits the group that it meets: else it would open the file to other processes."""
    group, told = group_of(store), commits(store)

    def alone() -> None:
        with group.alone():
            told.append("alone")
            assert group._group is None

    def write(number: int) -> None:
        with store.write() as conn:
            insert(conn, number)

    with ThreadPoolExecutor(5) as pool:
        with group._turn:
            group._line.append(None)  # one more that comes into line, and never gets its turn
            writing = [pool.submit(write, number) for number in range(3)]
            while len(group._line) < 4:
                pass
            aside = pool.submit(alone)
        aside.result(20)
        group._line.pop()
        write(9)  # commits for those who still wait
        for each in writing:
            each.result(20)
    assert rows(store) == [0, 1, 2, 9]
    assert told.count("alone") == 1
