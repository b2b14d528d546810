"""Statements whose outcome is not asked for: on PostgreSQL they go out together."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.store.connection import Connection
from app.store.engine import Store, insert
from app.store.imports import savepoint
from app.store.prepared import Prepared
from app.store.schema import api_keys, orgs
from tests.store.rows import key_row, times

NAMES = Prepared(sa.select(orgs.c.name).order_by(orgs.c.id))
RENAME = Prepared(
    orgs.update().where(orgs.c.id == sa.bindparam("org")).values(name=sa.bindparam("to"))
)


def org(id: str) -> dict[str, Any]:
    return {"id": id, "name": id, "server_url": None, "secret": None, **times()}


def names(store: Store) -> list[str]:
    with store.read() as conn:
        return [row["name"] for row in NAMES.every(conn, {})]


def test_what_follows_sees_what_was_held_back(store: Store) -> None:
    with store.write() as conn:
        insert(conn, orgs, org("a"))
        RENAME.put(conn, {"org": "a", "to": "first"})
        RENAME.put(conn, {"org": "a", "to": "second"})
        assert [row["name"] for row in NAMES.every(conn, {})] == ["second"]
        RENAME.put(conn, {"org": "a", "to": "third"})
        assert conn.execute(sa.select(orgs.c.name)).scalar() == "third"  # SQLAlchemy's own way, too
        RENAME.put(conn, {"org": "a", "to": "last"})
    assert names(store) == ["last"]


def test_rows_that_refer_to_each_other_go_out_as_one(store: Store) -> None:
    with store.write() as conn:
        insert(conn, orgs, org("a"))
        insert(conn, api_keys, key_row("a"))
    with store.read() as conn:
        assert conn.execute(sa.select(api_keys.c.org_id)).scalar() == "a"


@pytest.mark.parametrize("others", [0, 1])
def test_one_that_fails_takes_the_others_along(store: Store, others: int) -> None:
    def write(conn: Connection) -> None:
        insert(conn, orgs, org("a"))
        for _ in range(others):  # a second statement of the same table: a real transaction
            insert(conn, orgs, org("b"))
        insert(conn, api_keys, key_row("nobody"))

    with pytest.raises(IntegrityError), store.write() as conn:
        write(conn)
    assert names(store) == []


@pytest.mark.parametrize("asks", [False, True])
def test_a_block_that_raises_stores_nothing(store: Store, asks: bool) -> None:
    def write(conn: Connection) -> None:
        insert(conn, orgs, org("a"))
        if asks:
            NAMES.every(conn, {})
        insert(conn, orgs, org("b"))
        raise KeyError

    with pytest.raises(KeyError), store.write() as conn:
        write(conn)
    assert names(store) == []
    with store.write() as conn:  # nothing of it goes out with the next one
        insert(conn, orgs, org("c"))
    assert names(store) == ["c"]


@pytest.mark.parametrize("fails", ["in the block", "at its end"])
def test_a_part_that_fails_is_undone_with_what_was_held_back(store: Store, fails: str) -> None:
    def part(conn: Connection) -> None:
        with savepoint(conn):
            insert(conn, orgs, org("b"))
            if store.is_sqlite or fails == "in the block":
                raise KeyError
            insert(conn, orgs, org("a"))

    def failing(conn: Connection) -> None:
        with savepoint(conn):
            insert(conn, orgs, org("a"))
            raise KeyError

    with store.write() as conn:
        insert(conn, orgs, org("a"))
        with pytest.raises((KeyError, IntegrityError)):
            part(conn)
        with pytest.raises(IntegrityError if store.is_sqlite else KeyError):
            failing(conn)
        insert(conn, orgs, org("c"))
    assert names(store) == ["a", "c"]


def test_a_change_outside_a_transaction_does_not_wait_for_a_commit(store: Store) -> None:
    with store.read() as conn:
        insert(conn, orgs, org("a"))
        RENAME.many(conn, [{"org": "a", "to": "new"}])
    assert names(store) == ["new"]


def test_many_rows_are_changed_by_one_statement(store: Store) -> None:
    with store.write() as conn:
        for id in "abc":
            insert(conn, orgs, org(id))
        RENAME.many(conn, [{"org": id, "to": f"new {id}"} for id in "ac"])
        RENAME.many(conn, [])
    assert names(store) == ["new a", "b", "new c"]


def test_an_error_in_many_rows_is_sqlalchemys(store: Store) -> None:
    with store.write() as conn:
        insert(conn, orgs, org("a"))
    with pytest.raises(IntegrityError), store.write() as conn:
        RENAME.many(conn, [{"org": "a", "to": None}])
    assert names(store) == ["a"]
