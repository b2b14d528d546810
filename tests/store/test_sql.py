"""Rows as dictionaries, and inserts that do nothing where a row is there."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, MultipleResultsFound, OperationalError

from app.store.engine import Store, every, insert_once, one
from app.store.schema import assistants, call_commands, orgs
from tests.store.rows import add_call, add_org, times
from tests.store.together import draft, impatient, race


def row(id: str, name: str = "name") -> dict[str, object]:
    return {"id": id, "name": name, **times()}


def test_a_row_is_inserted_once(store: Store) -> None:
    with store.write() as conn:
        assert insert_once(conn, orgs, row("a", "first"))
        assert not insert_once(conn, orgs, row("a", "second"))
        assert insert_once(conn, orgs, row("b"))
        assert conn.execute(sa.select(orgs.c.name).order_by(orgs.c.id)).scalars().all() == [
            "first",
            "name",
        ]


def test_a_generated_key_does_not_hide_that_a_row_was_inserted(store: Store) -> None:
    with store.write() as conn:
        body = {"call_id": add_call(conn, add_org(conn)), "body": {}}
        assert insert_once(conn, call_commands, body | {"created_at": times()["created_at"]})


def test_what_is_wrong_otherwise_is_an_error(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as conn:
        insert_once(conn, orgs, row("a") | {"name": None})
    with pytest.raises(IntegrityError), store.write() as conn:
        insert_once(conn, assistants, {"id": "a", "org_id": "none", "body": {}, **times()})


def test_of_several_at_once_one_inserts(store: Store) -> None:
    got = race(store, 8, lambda conn, number: insert_once(conn, orgs, row("a", str(number))))
    assert got.count(True) == 1
    with store.read() as conn:
        assert conn.execute(sa.select(orgs.c.name)).scalar_one() == str(got.index(True))


def test_a_row_that_is_not_committed_is_waited_for(store: Store) -> None:
    """Whether it counts is open until then."""
    with store.write() as holder:
        assert insert_once(holder, orgs, row("a"))
        with pytest.raises(OperationalError), impatient(store) as conn:
            insert_once(conn, orgs, row("a"))
    with store.write() as conn:
        assert not insert_once(conn, orgs, row("a"))


def test_a_row_that_is_rolled_back_stands_in_no_way(store: Store) -> None:
    with draft(store) as conn:
        assert insert_once(conn, orgs, row("a"))
    with store.write() as conn:
        assert insert_once(conn, orgs, row("a"))


def test_one_row_or_none(store: Store) -> None:
    query = sa.select(orgs.c.id, orgs.c.name).order_by(orgs.c.id)
    with store.write() as conn:
        assert one(conn.execute(query)) is None
        assert every(conn.execute(query)) == []
        insert_once(conn, orgs, row("a"))
        assert one(conn.execute(query)) == {"id": "a", "name": "name"}
        insert_once(conn, orgs, row("b"))
        assert every(conn.execute(query)) == [{"id": id, "name": "name"} for id in "ab"]
        result = conn.execute(query)
        with pytest.raises(MultipleResultsFound):
            one(result)
