"""Migrations: they make the schema the code means, and say whether they have run."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import HeadMaintainer, MigrationContext
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


@pytest.mark.database
def test_processes_that_upgrade_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """Several are started by one deployment; each finds the schema there when it is done."""

    def upgrade(url: str) -> bool:
        own = Store(url)
        start.wait()
        try:
            migrate.upgrade(own)
            return migrate.is_current(own)
        finally:
            own.close()

    start = Barrier(3)
    with fresh_database(tmp_path, empty=True) as url, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(upgrade, [url] * 3)) == [True] * 3


@pytest.mark.database
def test_an_upgrade_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stamp(self: MigrationContext, *_: object) -> None:
        raise OSError("the last step fails")

    with fresh_database(tmp_path, empty=True) as url:
        store = Store(url)
        with monkeypatch.context() as patched:
            patched.setattr(HeadMaintainer, "update_to_step", stamp)
            with pytest.raises(OSError, match="the last step fails"):
                migrate.upgrade(store)
        with store.read() as conn:
            assert sa.inspect(conn).get_table_names() == []
        migrate.upgrade(store)
        assert migrate.is_current(store)
        store.close()


def test_a_current_schema_loads_no_alembic(store: Store) -> None:
    """A start that finds all in place is faster without it."""
    program = (
        "import sys; from app.store import migrate; from app.store.engine import Store\n"
        "migrate.upgrade(Store(sys.argv[1])); assert 'alembic' not in sys.modules"
    )
    url = store.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", program, url], check=True)


def test_revisions_follow_each_other_by_number() -> None:
    scripts = list(ScriptDirectory.from_config(migrate._config()).walk_revisions())
    numbers = [int(script.revision) for script in reversed(scripts)]
    assert numbers == list(range(1, len(scripts) + 1))
    for script in scripts:
        assert Path(script.path).name.startswith(f"{script.revision}_")


def test_the_head_is_alembics() -> None:
    scripts = ScriptDirectory.from_config(migrate._config())
    assert scripts.get_current_head() == migrate._head()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_migrations_make_what_the_code_means(store: Store) -> None:
    """A column added to schema.py without a migration shows here."""
    with store.read() as conn:
        context = MigrationContext.configure(conn)
        found = [
            diff
            for diff in compare_metadata(context, metadata)
            if not any(name in str(diff) for name in NOT_OF_SCHEMA)
        ]
    assert found == []


NOT_OF_SCHEMA = (
    *("procrastinate", "file_search", "ix_file_chunks_words"),
    *("call_search", "call_texts", "ix_calls_settled_words"),
    *("ix_calls_settled_customer_number", "ix_calls_settled_our_number"),
)
"""The other engine's jobs, and indexes of words and of expressions: each database has its form."""
