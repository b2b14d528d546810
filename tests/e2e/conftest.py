"""One whole bridge per test process, on SQLite or, by TEST_DATABASE_URL, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.spawner import WarmBridge


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        slow = any(name in item.nodeid for name in ("test_sdks", "test_dialing_killed"))
        other = slow or item.get_closest_marker("any_store")
        if "tests/e2e" in item.nodeid and not other:  # minutes, and no SQL of its own
            item.add_marker("database")


@pytest.fixture(scope="session")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Shared by all tests of a process: a test makes the calls it looks at."""
    directory = tmp_path_factory.mktemp("bridge")
    with fresh_database(directory) as url, Bridge(url, directory) as running:
        yield running


@pytest.fixture
def own_bridge(database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """For tests that stop or kill it."""
    with WarmBridge(database_url, tmp_path) as running:
        yield running
