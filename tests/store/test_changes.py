"""Statements whose outcome is not asked for: on PostgreSQL they go out together."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from app.store.connection import Change, Connection, grouped
from app.store.engine import Store, insert
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


@given(st.lists(st.sampled_from("abc")))
def test_groups_keep_the_order_and_change_a_table_once(tables: list[str]) -> None:
    """The parts of one statement have no order, and do not see each other."""
    changes = [Change("", (number,), table) for number, table in enumerate(tables)]
    groups = grouped(changes)
    assert [change for group in groups for change in group] == changes
    assert all(len({change.table for change in group}) == len(group) > 0 for group in groups)


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


def test_changes_alone_are_one_round_trip(store: Store) -> None:
    """On PostgreSQL. SQLite has none to save."""
    sent = list[str]()
    with store.write() as conn:
        insert(conn, orgs, org("a"))
        insert(conn, api_keys, key_row("a"))
        if store.is_sqlite:
            return
        conn.raw = _Counted(conn.raw, sent)
    assert len(sent) == 1


class _Counted:
    """A driver's connection that notes what it sends."""

    def __init__(self, raw: Any, sent: list[str]) -> None:
        self._raw, self._sent = raw, sent

    def execute(self, text: str, *values: Any) -> Any:
        self._sent.append(text)
        return self._raw.execute(text, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
