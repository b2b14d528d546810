"""One whole bridge per test process, on SQLite or, by TEST_DATABASE_URL, on PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.bridge import Bridge
from tests.conftest import psycopg_url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in item.nodeid:
            item.add_marker("database")


@pytest.fixture(scope="session")
def shared_database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = os.environ.get("TEST_DATABASE_URL")
    if server is None:
        yield f"sqlite:///{tmp_path_factory.mktemp('bridge')}/patchbay.db"
        return
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield psycopg_url(server, name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def bridge(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Shared by all tests of a process: a test makes the calls it looks at."""
    with Bridge(shared_database_url, tmp_path_factory.mktemp("log")) as running:
        yield running


@pytest.fixture
def own_bridge(database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """For tests that stop or kill it."""
    with Bridge(database_url, tmp_path) as running:
        yield running
