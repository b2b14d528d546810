"""Processes: what each last said of itself, and which are up."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.store import processes
from app.store.engine import Store
from tests.properties import with_one_store
from tests.store.rows import START, at
from tests.store.together import draft, race


def said(id: str, seen: float = 0, **columns: Any) -> dict[str, Any]:
    row = {"id": id, "web": True, "media_url": None, "calls": 0, "full": False}
    return row | {"draining": False, "seen_at": at(seen)} | columns


def seen_since(store: Store, seconds: float) -> set[str]:
    with store.read() as conn:
        return {row["id"] for row in processes.seen(conn, at(seconds))}


def test_a_process_is_found_by_all_it_said(store: Store) -> None:
    row = said("a", media_url="wss://patchbay.example/media", calls=3, full=True, draining=True)
    with store.write() as conn:
        processes.put(conn, row)
    with store.read() as conn:
        assert processes.seen(conn, START) == [row]


def test_what_is_said_last_holds(store: Store) -> None:
    with store.write() as conn:
        processes.put(conn, said("a", calls=1, media_url="wss://patchbay.example/media"))
        processes.put(conn, said("b"))
        processes.put(conn, said("a", 5, calls=2, web=False))
    with store.read() as conn:
        rows = {row["id"]: row for row in processes.seen(conn, START)}
    assert rows == {"a": said("a", 5, calls=2, web=False), "b": said("b")}


def test_only_those_heard_of_since_are_up(store: Store) -> None:
    with store.write() as conn:
        for id, age in (("a", 0), ("b", 10), ("c", 20)):
            processes.put(conn, said(id, age))
    assert seen_since(store, 0) == {"a", "b", "c"}
    assert seen_since(store, 10) == {"b", "c"}  # that very moment counts
    assert seen_since(store, 10.000001) == {"c"}
    assert seen_since(store, 21) == set()


def test_killed_processes_are_forgotten(store: Store) -> None:
    with store.write() as conn:
        for id, age in (("a", 0), ("b", 10)):
            processes.put(conn, said(id, age))
        processes.forget(conn, at(10))
    assert seen_since(store, 0) == {"b"}


def test_a_process_that_ends_is_removed_alone(store: Store) -> None:
    with store.write() as conn:
        processes.put(conn, said("a"))
        processes.put(conn, said("b"))
        processes.remove(conn, "a")
        processes.remove(conn, "unknown")
    assert seen_since(store, 0) == {"b"}


def test_a_process_may_come_again_after_it_was_forgotten(store: Store) -> None:
    with store.write() as conn:
        processes.put(conn, said("a"))
        processes.forget(conn, at(1))
        processes.put(conn, said("a", 2))
    assert seen_since(store, 0) == {"a"}


def test_several_that_speak_at_once_are_all_there(store: Store) -> None:
    race(store, 8, lambda conn, number: processes.put(conn, said(f"process {number}")))
    assert seen_since(store, 0) == {f"process {number}" for number in range(8)}


def test_one_that_speaks_twice_at_once_has_one_row(store: Store) -> None:
    race(store, 8, lambda conn, number: processes.put(conn, said("a", number, calls=number)))
    with store.read() as conn:
        (row,) = processes.seen(conn, START)
    assert row["seen_at"] == at(row["calls"])  # of one speaker, not of two


@given(ages=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)), limit=st.integers(0, 9))
@with_one_store(30)
def test_forgetting_and_seeing_agree(store: Store, ages: dict[str, int], limit: int) -> None:
    with draft(store) as conn:
        for id, age in ages.items():
            processes.put(conn, said(id, age))
        up = {row["id"] for row in processes.seen(conn, at(limit))}
        processes.forget(conn, at(limit))
        left = {row["id"] for row in processes.seen(conn, START)}
    assert left == up == {id for id, age in ages.items() if age >= limit}
