"""Fixtures of the whole suite: a fresh database per test, the store on it, and settings.

SQLite, unless TEST_DATABASE_URL names a PostgreSQL server: then every test that touches the
store gets a database of its own there. ``python -m tests.run`` does one and then the other.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from app.settings import Settings
from app.store.engine import Store
from app.store.vault import Vault
from tests import kept_rows, sharing
from tests.browser import chromium
from tests.databases import fresh_database
from tests.fakes.client_server import Receiver
from tests.vendors.local import installed

SECRET_KEY = "a key of the tests, long enough"
DATABASE_FILES = "PATCHBAY_TESTS_DATABASE_FILES"
"""The variable that names a file: the paths of tests that touch the store are written there."""
CLOCK = {name: getattr(time, name) for name in ("time", "monotonic", "monotonic_ns")}
"""The machine's. Replaced within a driven loop, the loop's would be put back behind it."""


# Hypothesis's deadline and its check for slow input measure the machine: neither is a fault of ours.
PROPERTIES = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# The suite tries the same inputs each time, so that it fails by a change and never by chance.
# `pytest --hypothesis-profile search` looks for new ones, ten times as many.
hypothesis.settings.register_profile("patchbay", PROPERTIES, derandomize=True, database=None)
hypothesis.settings.register_profile("search", PROPERTIES, max_examples=1000)
hypothesis.settings.load_profile("patchbay")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "database: runs on PostgreSQL too (set by its fixtures)")
    config.addinivalue_line("markers", "any_store: needs a store, and is about something else")
    sharing.install()
    kept_rows.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What stores runs on PostgreSQL too.

    So do SQL, transactions, locks, jobs, and processes that are killed or share a database. A file
    that is about something else has the mark ``any_store``, if its statements are run by others.
    """
    for item in items:
        stores = "database_url" in getattr(item, "fixturenames", ())
        if stores and not item.get_closest_marker("any_store"):
            item.add_marker("database")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The garbage collector leaves alone what is collected: to look through it takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    if name := os.environ.get(DATABASE_FILES):
        found = {str(item.path) for item in session.items if item.get_closest_marker("database")}
        own = Path(f"{name}.{os.getpid()}")  # every worker has the same to say
        own.write_text("\n".join(sorted(found)))
        own.rename(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    missing = list[str]()
    if chromium.program() is None:
        missing.append("tests/browser: there is no Chromium here. apt-get install chromium")
    if lack := installed.lack():
        missing.append(f"tests/vendors/local/test_real.py: {lack}")
    if missing:
        terminalreporter.section("NOT RUN", sep="!", red=True)
    for line in missing:
        terminalreporter.line(line)


@pytest.fixture(autouse=True)
def log_level() -> None:
    """An application of an earlier test may have set another."""
    for name in ("app", "providers"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def monkeypatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """pytest's own. What it replaces must not stay: in a module that is imported meanwhile, or as a clock."""
    before = {*sys.modules}
    yield monkeypatch
    replaced = {id(getattr(target, name, None)) for target, name, _ in monkeypatch._setattr}
    kept = [
        f"{module}.{name}"
        for module in {*sys.modules} - before
        if module.startswith(("app.", "providers."))
        for name, value in [*vars(sys.modules[module]).items()]
        if id(value) in replaced and callable(value)
    ]
    assert not kept, f"import {kept} before this is replaced: later tests of the process find it"
    found = {(id(target), name): value for target, name, value in reversed(monkeypatch._setattr)}
    for name, real in CLOCK.items():
        assert found.get((id(time), name), real) is real, f"time.{name} was that of a driven loop"


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database that is up to date and holds nothing."""
    with fresh_database(tmp_path) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The store on it."""
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a test: server URLs on this machine are allowed."""
    return Settings(
        secret_keys=(SECRET_KEY,),
        database_url=database_url,
        allow_private_server_urls=True,
        recordings_dir=str(tmp_path / "recordings"),
    )


@pytest.fixture
def vault() -> Vault:
    return Vault((SECRET_KEY,))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server of the client's, on the loopback interface."""
    with Receiver() as running:
        yield running
