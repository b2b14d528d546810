"""The database: whether it can be used, and whether it is up to date."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from app.cli.database_errors import told
from app.cli.doctor.finding import Finding
from app.store import migrate
from app.wiring import Services


def check(patchbay: Services) -> Iterator[Finding]:
    name = patchbay.store.url.get_backend_name()
    try:
        if patchbay.store.is_sqlite:
            patchbay.upgrade()
        current = migrate.is_current(patchbay.store)
    except SQLAlchemyError as error:
        yield Finding("error", f"database: {told(error)}")
        return
    if current:
        yield Finding("ok", f"database: {name}, up to date")
    else:
        yield Finding("error", "database: older than this program; run `patchbay db upgrade`")
