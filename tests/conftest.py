"""Fixtures of the whole suite: a fresh database per test, the store on it, and settings.

SQLite, unless TEST_DATABASE_URL names a PostgreSQL server: then every test that touches the
store gets a database of its own there. ``python -m tests.run`` does one after the other.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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
def fresh_database(directory: Path) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    server = os.environ.get("TEST_DATABASE_URL")
    if server is None:
        yield f"sqlite:///{directory}/patchbay.db"
        return
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield psycopg_url(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    with fresh_database(tmp_path) as url:
        yield url


def psycopg_url(server: str, name: str) -> str:
    """The server's URL with another database's name."""
    address, _, parameters = server.partition("?")
    return f"{address.rsplit('/', 1)[0]}/{name}" + (f"?{parameters}" if parameters else "")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The store on a database that is up to date."""
    opened = Store(database_url)
    migrate.upgrade(opened)
    open_jobs(opened, {}).install()
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
