"""Operators' rows in memory: as good as those in the database, whoever changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from app.store import accounts, kept, resources
from app.store.connection import Connection
from app.store.engine import Store
from app.store.schema import (
    api_keys,
    assistants,
    credentials,
    customers,
    orgs,
    phone_numbers,
    revisions,
    structured_outputs,
    tools,
)
from tests.store.rows import START, add_org

pytestmark = pytest.mark.database

FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
TABLES = (
    orgs,
    api_keys,
    credentials,
    phone_numbers,
    assistants,
    tools,
    structured_outputs,
    customers,
)
"""Those that others refer to come first."""


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """The same database in another process."""
    other = Store(store.url.render_as_string(hide_password=False))
    yield other
    other.close()


def name_of(store: Store) -> str | None:
    with store.read() as conn:
        found = accounts.get_org(conn, FIRST)
    return found["name"] if found else None


def rename(conn: sa.Connection, name: str) -> None:
    conn.execute(orgs.update().where(orgs.c.id == FIRST).values(name=name))


@pytest.fixture(autouse=True)
def _one_org(store: Store) -> None:
    with store.write() as conn:
        add_org(conn, FIRST)


def test_a_kept_row_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_of(store) is not None
    monkeypatch.setattr(accounts, "_ORG", None)  # it cannot be read
    assert name_of(store) is not None


def test_a_change_in_another_process_is_seen_by_the_next_block(store: Store, other: Store) -> None:
    name_of(store)
    for name in ("first", "second"):
        with other.write() as conn:
            rename(conn, name)
        assert name_of(store) == name


def test_every_change_of_every_table_counts(store: Store) -> None:
    """Those of SQL by hand, too."""
    with store.write() as conn:
        for table in TABLES:
            _counts(conn, table.insert().values({c.name: _value(c) for c in table.columns}))
        for table in TABLES:
            _counts(conn, table.update().values({"id": table.c.id}))
        for table in reversed(TABLES):
            _counts(conn, table.delete().where(table.c.id == SECOND))


def _counts(conn: sa.Connection, statement: sa.Executable) -> None:
    before = _revision(conn)
    conn.execute(statement)
    assert _revision(conn) > before, str(statement)


def _revision(conn: sa.Connection) -> int:
    return int(conn.execute(sa.select(revisions.c.number)).scalar_one())


def _value(column: sa.Column[object]) -> object:
    if column.name in ("id", "org_id", "credential_id"):
        return SECOND
    if isinstance(column.type, sa.String):
        return column.name
    if isinstance(column.type, sa.JSON):
        return {}
    if isinstance(column.type, sa.Boolean):
        return False
    return START if column.name.endswith("_at") and column.name != "revoked_at" else None


def test_a_transaction_sees_its_own_change_and_keeps_nothing_of_it(store: Store) -> None:
    before = name_of(store)

    def change(conn: Connection) -> None:
        row = accounts.get_org(conn, FIRST)
        assert row is not None
        accounts.put_org(conn, {**row, "name": "changed"})
        found = accounts.get_org(conn, FIRST)
        assert found is not None
        assert found["name"] == "changed"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), store.write() as conn:
        change(conn)
    assert name_of(store) == before


def test_what_is_not_there_is_not_kept(store: Store) -> None:
    """Unknown keys and ids are endless."""
    with store.read() as conn:
        for number in range(3):
            assert accounts.find_key(conn, str(number)) is None
            assert resources.get_kept(conn, assistants, FIRST, str(number)) is None
    assert not set(store._kept._rows) - {("org", FIRST), ("copy", ("org", FIRST))}


def test_a_changed_kept_row_is_noticed_by_the_suite(store: Store) -> None:
    with store.read() as conn:
        found = accounts.get_org(conn, FIRST)
        assert found is not None
        found["name"] = "changed"
        with pytest.raises(AssertionError, match="was changed"):
            accounts.get_org(conn, FIRST)
        found["name"] = FIRST


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    rows = kept.Kept()
    for number in range(10):
        rows.keep(1, number, "row")
    assert len(rows._rows) <= 3
    assert rows.find(1, 9) == "row"


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        (lambda rows: (rows.keep(1, "a", "old"), rows.keep(2, "b", "new")), None),
        # a reader that began before a change brings its row late
        (lambda rows: (rows.keep(2, "a", "new"), rows.keep(1, "a", "old")), "new"),
        (lambda rows: (rows.keep(2, "a", "new"), rows.clear()), None),
    ],
)
def test_only_the_newest_revision_is_kept(
    steps: Callable[[kept.Kept], object], found: str | None
) -> None:
    rows = kept.Kept()
    steps(rows)
    assert rows.find(2, "a") == found
    assert rows.find(1, "a") is None
