"""What the suite itself relies on: a test's database is empty, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from app.jobs.factory import open_jobs
from app.store.engine import Store
from tests.databases import fresh_database

OF_ONE_ROW = ("alembic_version", "revisions")
INDEXES = ("file_search", "call_search")
"""SQLite's full-text indexes keep their own state in tables of these prefixes, also when they are empty."""


@pytest.mark.database
def test_what_a_test_leaves_behind_is_gone(tmp_path: Path) -> None:
    with fresh_database(tmp_path) as url:
        store = Store(url)
        with store.write() as conn:
            open_jobs(store, {}).enqueue(conn, "kind", "key", {})
        store.close()
    with fresh_database(tmp_path) as url:
        store = Store(url)
        with store.read() as conn:
            every = sa.inspect(conn).get_table_names()
            names = [n for n in every if n not in OF_ONE_ROW and not n.startswith(INDEXES)]
            rows = {
                n: conn.scalar(sa.select(sa.func.count()).select_from(sa.table(n))) for n in names
            }
        store.close()
    assert set(rows.values()) == {0}, rows


@pytest.mark.database
def test_who_is_still_connected_does_not_see_the_next_tests(tmp_path: Path) -> None:
    with fresh_database(tmp_path) as url:
        left = Store(url)
        with left.read() as conn:
            conn.execute(sa.text("SELECT 1"))
    if left.is_sqlite:
        left.close()
        return
    with fresh_database(tmp_path), pytest.raises(sa.exc.OperationalError), left.read():
        pass
    left.close()


@pytest.mark.database
def test_a_changed_schema_is_not_handed_on(tmp_path: Path) -> None:
    with fresh_database(tmp_path) as url:
        store = Store(url)
        with store.write() as conn:
            conn.execute(sa.text("CREATE TABLE left_over (x integer)"))
        store.close()
    with fresh_database(tmp_path) as url:
        store = Store(url)
        with store.read() as conn:
            assert not sa.inspect(conn).has_table("left_over")
        store.close()
