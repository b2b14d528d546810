"""The database: whether it can be used, and whether it is up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from app.doctor.database_advice import told
from app.doctor.finding import Finding
from app.domain.context import Context
from app.store import clock, migrate
from app.store.engine import Store


def check(context: Context, upgrade: Callable[[], None] | None = None) -> Iterator[Finding]:
    """``upgrade``: brings the schema up to date. A server database has its release command."""
    name = context.store.url.get_backend_name()
    try:
        if upgrade is not None and context.store.is_sqlite:
            upgrade()
        current = migrate.is_current(context.store)
    except SQLAlchemyError as error:
        yield Finding("error", f"database: {told(error)}")
        return
    if current:
        yield Finding("ok", f"database: {name}, up to date")
        yield from _clock(context.store)
    else:
        yield Finding("error", "database: older than this program; run `patchbay db upgrade`")


def _clock(store: Store) -> Iterator[Finding]:
    ahead = store.clock.compare()
    if abs(ahead) > clock.TOLERANCE:
        yield Finding("note", f"database: {clock.told(ahead)}")
