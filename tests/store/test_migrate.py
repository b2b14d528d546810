"""Migrations: they make the schema the code means, and say whether they have run."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.store import migrate
from app.store.engine import Store
from app.store.schema import metadata
from tests.databases import fresh_database


@pytest.mark.database
def test_an_empty_database_is_not_current(tmp_path: Path) -> None:
    with fresh_database(tmp_path, empty=True) as url:
        look(Store(url))


def look(store: Store) -> None:
    assert not migrate.is_current(store)
    migrate.upgrade(store)
    assert migrate.is_current(store)
    migrate.upgrade(store)  # nothing to do
    store.close()


def test_an_older_schema_is_not_current(store: Store) -> None:
    with store.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    assert not migrate.is_current(store)


def test_the_head_is_alembics() -> None:
    scripts = ScriptDirectory.from_config(migrate._config())
    assert scripts.get_current_head() == migrate._head()


def test_migrations_make_what_the_code_means(store: Store) -> None:
    """A column added to schema.py without a migration shows here."""
    with store.read() as conn:
        context = MigrationContext.configure(conn)
        found = [
            diff for diff in compare_metadata(context, metadata) if "procrastinate" not in str(diff)
        ]
    assert found == []
