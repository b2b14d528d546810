"""Recordings: once per kind, source and name; in order; the oldest files of all."""

from __future__ import annotations

from typing import Any

import pytest

from app.store import calls, recordings
from app.store.engine import Store
from tests.store.rows import add_call, add_org, at
from tests.store.together import race


@pytest.fixture
def call(store: Store) -> tuple[str, str]:
    """An organisation and its call."""
    with store.write() as conn:
        org = add_org(conn)
        return org, add_call(conn, org)


def row(call: tuple[str, str], id: str, age: float = 0, **columns: Any) -> dict[str, Any]:
    values = {"id": id, "org_id": call[0], "call_id": call[1], "kind": "mono", "attempts": 0}
    values |= {"source": "carrier", "ref": id, "url": None, "state": recordings.STARTED}
    return values | {"mime": None, "bytes": None, "blob": None, "created_at": at(age)} | columns


def test_a_recording_is_read_as_it_was_written(store: Store, call: tuple[str, str]) -> None:
    written = row(call, "a", url="https://c.example/a.wav", bytes=2**33, blob="a.wav")
    with store.write() as conn:
        assert recordings.insert(conn, written)
        assert recordings.get(conn, "a") == written
        assert recordings.get(conn, "b") is None


SAME = {"kind": "mono", "source": "carrier", "ref": "r"}


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, False),
        ({"kind": "stereo"}, True),
        ({"source": "assistant"}, True),
        ({"ref": "s"}, True),
    ],
)
def test_a_recording_is_kept_once(
    store: Store, call: tuple[str, str], changed: dict[str, str], kept: bool
) -> None:
    with store.write() as conn:
        assert recordings.insert(conn, row(call, "a", **SAME))
        assert recordings.insert(conn, row(call, "b", **{**SAME, **changed})) is kept


def test_two_calls_may_have_recordings_of_one_name(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        assert recordings.insert(conn, row(call, "a", **SAME))
        assert recordings.insert(conn, row((call[0], add_call(conn, call[0])), "b", **SAME))


def test_of_several_who_insert_one_at_once_one_does(store: Store, call: tuple[str, str]) -> None:
    def insert(conn: Any, number: int) -> bool:
        return recordings.insert(conn, row(call, str(number), **SAME))

    assert race(store, 8, insert).count(True) == 1


def test_recordings_of_a_call_are_in_the_order_they_began(
    store: Store, call: tuple[str, str]
) -> None:
    rows = (
        row(call, "d", 2),
        row(call, "c", 1, kind="mono"),
        row(call, "b", 1, kind="stereo"),  # the mix of one time follows it
        row(call, "a", 0),
        row(call, "aa", 0),
    )
    with store.write() as conn:
        other = (call[0], add_call(conn, call[0]))
        for each in (*rows, row(other, "e")):
            assert recordings.insert(conn, each)
        found = [each["id"] for each in recordings.of_call(conn, call[1])]
    assert found == ["a", "aa", "b", "c", "d"]


def test_an_update_changes_only_what_it_names(store: Store, call: tuple[str, str]) -> None:
    stored = {"state": recordings.STORED, "blob": "a.wav", "bytes": 44, "attempts": 2}
    with store.write() as conn:
        recordings.insert(conn, row(call, "a"))
        recordings.insert(conn, row(call, "b"))
        recordings.update(conn, "a", stored)
        assert recordings.get(conn, "a") == row(call, "a") | stored
        assert recordings.get(conn, "b") == row(call, "b")


def test_a_recording_is_deleted_alone_or_with_its_call(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        for id in "abc":
            recordings.insert(conn, row(call, id))
        recordings.delete(conn, "b")
        assert [each["id"] for each in recordings.of_call(conn, call[1])] == ["a", "c"]
        calls.delete(conn, call[1])
        assert recordings.get(conn, "a") is None


def test_the_oldest_stored_files_come_first(store: Store, call: tuple[str, str]) -> None:
    with store.write() as conn:
        for id, age in (("c", 3), ("a", 1), ("b", 2)):
            recordings.insert(conn, row(call, id, age, state=recordings.STORED))
        for state in (recordings.STARTED, recordings.READY, recordings.FAILED, recordings.DELETED):
            recordings.insert(conn, row(call, state, 0, state=state))

        def before(seconds: float, limit: int = 9) -> str:
            rows = recordings.stored_before(conn, at(seconds), limit)
            return "".join(each["id"] for each in rows)

        assert before(9) == "abc"
        assert before(9, limit=2) == "ab"
        assert before(3) == "ab"  # the time itself is not before it
        assert before(1) == ""
