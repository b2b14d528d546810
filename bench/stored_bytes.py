"""What a stored call takes, and what it takes after retention has cleared its parts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from app import settings as settings_module
from app.cli.processes import free_port
from app.domain.context import Context
from app.domain.services import trim
from app.domain.services.retention import SWEEP_SECONDS
from app.store import sizes
from app.store.clock import utc_now
from app.wiring import Services
from bench.serving import environment

SHOWN = 50
"""Bytes a call: a table with less is no concern of calls."""
FUTURE = timedelta(days=36_500)


def report(url: str) -> None:
    """Print the bytes of each table per call, of a database that is full of calls."""
    with tempfile.TemporaryDirectory() as directory:
        services = Services(settings_module.load(environment(free_port(), directory, url)))
    whole = _bytes_a_call(services)
    _sweep(replace(services.context, now=lambda: utc_now() + FUTURE))
    trimmed = _bytes_a_call(services)
    services.store.close()
    print(f"{'bytes a call':<24}{'all kept':>10}{'after retention':>18}")
    for table, size in whole.items():
        if size < SHOWN:
            continue
        print(f"{table:<24}{size:>10,}{trimmed.get(table, 0):>18,}")


def _sweep(context: Context) -> None:
    while trim.sweep(context, {}) != SWEEP_SECONDS:
        pass


def _bytes_a_call(services: Services) -> Mapping[str, int]:
    _compact(services)
    with services.store.read() as conn:
        found = {each.table: each for each in sizes.tables(conn)}
        count, whole = found["calls"].rows, sizes.whole(conn)
    of_tables = {name: (each.size or 0) // count for name, each in found.items()}
    return {"all": whole // count, **{name: size for name, size in of_tables.items() if size}}


def _compact(services: Services) -> None:
    """Free the place of what was deleted, as new calls would use it."""
    engine = sa.create_engine(services.store.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql("VACUUM" if services.store.is_sqlite else "VACUUM FULL")
    engine.dispose()
