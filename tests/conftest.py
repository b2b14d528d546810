"""Fixtures of the whole suite: a fresh database per test, the store on it, and settings.

SQLite, unless TEST_DATABASE_URL names a PostgreSQL server: then every test that touches the
store gets a database of its own there. ``python -m tests.run`` does one after the other.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from app.config import Settings
from app.delivery.jobs import open_jobs
from app.store import migrate
from app.store.engine import Store
from app.store.vault import Vault
from tests.receiver import Receiver

SECRET_KEY = "a key of the tests, long enough"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "database: runs on PostgreSQL too (set by its fixtures)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "database_url" in getattr(item, "fixturenames", ()):
            item.add_marker("database")


@contextmanager
def fresh_database(directory: Path, *, empty: bool = False) -> Iterator[str]:
    """The URL of a database of one's own, dropped afterwards; up to date, unless ``empty``."""
    server = os.environ.get("TEST_DATABASE_URL")
    if server is None:
        if not empty:
            shutil.copy(sqlite_template(), directory / "patchbay.db")
        yield f"sqlite:///{directory}/patchbay.db"
        return
    template = "template1" if empty else postgresql_template(server)
    with database_of(server, template) as url:
        yield url


@contextmanager
def database_of(server: str, template: str) -> Iterator[str]:
    name = sql.Identifier(f"test_{uuid.uuid4().hex}")
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template))
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(make)
    try:
        yield psycopg_url(server, name.as_string().strip('"'))
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@cache
def sqlite_template() -> Path:
    """An up-to-date file, made once per process: copying is faster than migrating."""
    path = Path(tempfile.mkdtemp(prefix="patchbay-tests-")) / "template.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    bring_up_to_date(f"sqlite:///{path}")
    return path


@cache
def postgresql_template(server: str) -> str:
    """The name of an up-to-date database, made once per process, dropped at its end."""
    made = ExitStack()
    atexit.register(made.close)
    url = made.enter_context(database_of(server, "template1"))
    bring_up_to_date(url)
    return url.partition("?")[0].rsplit("/", 1)[1]


def bring_up_to_date(url: str) -> None:
    store = Store(url)
    migrate.upgrade(store)
    open_jobs(store, {}).install()
    store.close()


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database that is up to date and holds nothing."""
    with fresh_database(tmp_path) as url:
        yield url


def psycopg_url(server: str, name: str) -> str:
    """The server's URL with another database's name."""
    address, _, parameters = server.partition("?")
    return f"{address.rsplit('/', 1)[0]}/{name}" + (f"?{parameters}" if parameters else "")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The store on it."""
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings of a test: server URLs on this machine are allowed."""
    return Settings(
        secret_keys=(SECRET_KEY,), database_url=database_url, allow_private_server_urls=True
    )


@pytest.fixture
def vault() -> Vault:
    return Vault((SECRET_KEY,))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server of the client's, on the loopback interface."""
    with Receiver() as running:
        yield running
