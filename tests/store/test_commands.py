"""Commands of a live call: in their order, each to one process."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Connection

from app.store import calls, commands
from app.store.commands import Command
from app.store.engine import Store
from app.store.schema import call_commands
from tests.store.rows import START, add_call, add_org, at
from tests.store.together import draft, race


@pytest.fixture
def pair(store: Store) -> tuple[str, str]:
    with store.write() as conn:
        org = add_org(conn)
        return add_call(conn, org, "one"), add_call(conn, org, "two")


def add(conn: Connection, call_id: str, *names: object) -> None:
    for name in names:
        commands.add(conn, call_id, {"type": name}, START)


def taken(conn: Connection, *call_ids: str) -> list[tuple[str, object]]:
    return [(each.call_id, each.body["type"]) for each in commands.take(conn, call_ids, at(1))]


def test_a_body_arrives_as_it_was_given(store: Store, pair: tuple[str, str]) -> None:
    body = {"type": "say", "content": "Grüße", "endCallAfterSpoken": True, "n": [1, None]}
    with store.write() as conn:
        commands.add(conn, "one", body, START)
        assert commands.take(conn, ["one"], at(1)) == [Command("one", body)]


def test_commands_are_taken_once_in_their_order(store: Store, pair: tuple[str, str]) -> None:
    with store.write() as conn:
        add(conn, "one", "a", "b")
        add(conn, "two", "c")
        add(conn, "one", "d")
        assert taken(conn, "two", "one") == [("one", "a"), ("one", "b"), ("two", "c"), ("one", "d")]
        assert taken(conn, "two", "one") == []
        kept = conn.execute(call_commands.select()).all()
    assert [row.taken_at for row in kept] == [at(1)] * 4


def test_a_process_takes_only_its_own_calls(store: Store, pair: tuple[str, str]) -> None:
    with store.write() as conn:
        add(conn, "one", "a")
        add(conn, "two", "b")
        assert taken(conn, "two") == [("two", "b")]
        assert taken(conn) == []
        assert commands.waiting(conn, "one") == 1
        assert commands.waiting(conn, "two") == 0


def test_what_waits_is_told_before_it_is_taken(store: Store, pair: tuple[str, str]) -> None:
    with store.write() as conn:
        assert not commands.any_wait(conn, ["one", "two"])
        add(conn, "one", "a", "b")
        assert commands.any_wait(conn, ["one", "two"])
        assert not commands.any_wait(conn, ["two"])
        assert not commands.any_wait(conn, [])
        assert commands.waiting(conn, "one") == 2
        taken(conn, "one")
        assert not commands.any_wait(conn, ["one"])


def test_commands_go_with_their_call(store: Store, pair: tuple[str, str]) -> None:
    with store.write() as conn:
        add(conn, "one", "a")
        add(conn, "two", "b")
        calls.delete(conn, "one")
        assert taken(conn, "one", "two") == [("two", "b")]


def test_of_several_who_take_at_once_each_command_goes_to_one(
    store: Store, pair: tuple[str, str]
) -> None:
    with store.write() as conn:
        add(conn, "one", *range(20))
    got = race(store, 8, lambda conn, _: taken(conn, "one"))
    assert [each for each in got if each] == [[("one", number) for number in range(20)]]


def test_a_take_that_is_rolled_back_leaves_them_waiting(
    store: Store, pair: tuple[str, str]
) -> None:
    with store.write() as conn:
        add(conn, "one", "a")
    with draft(store) as conn:
        assert taken(conn, "one") == [("one", "a")]
    with store.write() as conn:
        assert taken(conn, "one") == [("one", "a")]
