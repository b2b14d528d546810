"""A fresh database per test: a copied SQLite file, or one on the server of TEST_DATABASE_URL.

There, making and dropping a database takes 100 ms; emptying one is a matter of rows. So every
process keeps its own, and between two tests takes it from whoever is still connected, gives it a name nobody knows
and empties it: a thread that a test left behind does not find the next test's database.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from app.jobs.factory import open_jobs
from app.store import migrate
from app.store.engine import Store
from app.store.schema import metadata, revisions

PROCRASTINATE = ("events", "periodic_defers", "jobs", "workers")
"""Its tables, the referring ones first."""

TABLES = (
    *(
        t.name for t in reversed(metadata.sorted_tables) if t is not revisions
    ),  # of one row for ever
    *(f"procrastinate_{name}" for name in PROCRASTINATE),
)
_EMPTY = sql.SQL("""
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT t FROM unnest(ARRAY[{}]) WITH ORDINALITY AS tables (t, position)
            WHERE pg_relation_size(t::regclass) > 0 ORDER BY position
        LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    END $$
""").format(sql.SQL(", ").join(map(sql.Literal, TABLES)))
"""Only of tables that ever had a row: a new connection looks up each table it names."""

_FROM_ONE = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
_SHAPE = """
    SELECT array_agg(relname::text ORDER BY relname), (SELECT max(version_num) FROM alembic_version)
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_ALONE = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"

_spare: list[str] = []
"""Names of this process's databases that are up to date, empty and used by nobody."""


@contextmanager
def fresh_database(directory: Path, *, empty: bool = False) -> Iterator[str]:
    """The URL of a database of one's own, gone afterwards; up to date, unless ``empty``."""
    server = os.environ.get("TEST_DATABASE_URL")
    if server is None:
        if not empty:
            shutil.copy(sqlite_template(), directory / "patchbay.db")
        yield f"sqlite:///{directory}/patchbay.db"
    elif empty:
        with database_of(server) as url:
            yield url
    else:
        with _lent(server) as url:
            yield url


@contextmanager
def database_of(server: str) -> Iterator[str]:
    """One without any table, dropped afterwards."""
    name = _new_name()
    _on(server, "CREATE DATABASE {}", name)
    try:
        yield psycopg_url(server, name)
    finally:
        _on(server, "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def _lent(server: str) -> Iterator[str]:
    """A spare one under a new name; emptied and spare again afterwards."""
    name = _new_name()
    _on(server, "ALTER DATABASE {} RENAME TO {}", _spare.pop() if _spare else _made(server), name)
    try:
        yield psycopg_url(server, name)
    finally:
        hidden = _new_name()
        _admin(server).execute(_ALONE, [name])
        _on(server, "ALTER DATABASE {} RENAME TO {}", name, hidden)
        if _emptied(server, hidden):
            _spare.append(hidden)
        else:
            _on(server, "DROP DATABASE {} WITH (FORCE)", hidden)


def _made(server: str) -> str:
    """Migrated, once per process and nesting; dropped when the process ends, if still spare."""
    name = _new_name()
    _on(server, "CREATE DATABASE {}", name)
    bring_up_to_date(psycopg_url(server, name))
    with psycopg.connect(psycopg_url(server, name)) as conn:
        _shapes(server).append(conn.execute(_SHAPE).fetchone())
    return name


@cache
def _shapes(server: str) -> list[object]:
    """The tables and the revision of a new one, and when the process ends: drop the spare ones."""
    atexit.register(_drop_spare, server)
    return []


def _drop_spare(server: str) -> None:
    while _spare:
        _on(server, "DROP DATABASE {} WITH (FORCE)", _spare.pop())


def _emptied(server: str, name: str) -> bool:
    """False: a test changed more than rows."""
    with psycopg.connect(psycopg_url(server, name), autocommit=True) as conn:
        if conn.execute(_SHAPE).fetchone() != _shapes(server)[0]:
            return False
        conn.execute(_EMPTY)
        conn.execute(_FROM_ONE)
    return True


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex}"


def _on(server: str, statement: str, *names: str) -> None:
    _admin(server).execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@cache
def _admin(server: str) -> psycopg.Connection[object]:
    """One connection for all of a process: opening one takes longer than what it is used for."""
    return psycopg.connect(server, autocommit=True)


def psycopg_url(server: str, name: str) -> str:
    """The server's URL with another database's name."""
    address, _, parameters = server.partition("?")
    return f"{address.rsplit('/', 1)[0]}/{name}" + (f"?{parameters}" if parameters else "")


@cache
def sqlite_template() -> Path:
    """An up-to-date file, made once per process: copying is faster than migrating."""
    path = Path(tempfile.mkdtemp(prefix="patchbay-tests-")) / "template.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    bring_up_to_date(f"sqlite:///{path}")
    return path


def bring_up_to_date(url: str) -> None:
    store = Store(url)
    migrate.upgrade(store)
    open_jobs(store, {}).install()
    store.close()
