"""Bringing the schema up to date (Alembic), and asking whether it is."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.store.engine import Store

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(store: Store) -> None:
    """Run what is missing, in one transaction; processes that do it at once wait for each other."""
    with store.write() as conn:
        config = _config()
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def is_current(store: Store) -> bool:
    with store.read() as conn:
        current = MigrationContext.configure(conn).get_current_revision()
    return current == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
