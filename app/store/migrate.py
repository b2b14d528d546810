"""Brings the schema up to date (Alembic), and says whether it is.

Alembic is imported only when there is something to do, which makes an ordinary start faster.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Store
from app.store.vault import Vault

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).with_name("migrations")
_REVISION = sa.text("SELECT version_num FROM alembic_version")


def upgrade(store: Store, vault: Vault | None = None) -> None:
    """Run the missing migrations in one transaction. Concurrent processes wait for each other.

    ``vault``: for those that seal what was stored in clear. An empty database needs none.
    """
    store.damage.check()
    if is_current(store):
        return
    from alembic import command

    with store.migration() as conn:
        _one_at_a_time(conn)
        config = _config()
        config.attributes.update(connection=conn, vault=vault)
        command.upgrade(config, "head")


def is_current(store: Store) -> bool:
    """Whether the schema is the one of this version of the program."""
    with store.read() as conn:
        if not sa.inspect(conn).has_table("alembic_version"):
            return False
        return conn.execute(_REVISION).scalar() == _head()


def _head() -> str:
    """The newest revision. Revisions are numbered, and their files begin with the number."""
    return max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


def _one_at_a_time(conn: Connection) -> None:
    """Lock against concurrent migrations. SQLite has one writer at a time anyway."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("SELECT pg_advisory_xact_lock(7042)"))


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
