"""The whole application on a fresh database, and two organisations that use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app import create_app
from app.settings import Settings
from app.store.engine import Store
from app.wiring import Services
from bench.fresh import new_app
from tests.routes.api import Api, organisation


@pytest.fixture
def app(store: Store, settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions["patchbay"].store.close()


@pytest.fixture
def services(app: Flask) -> Services:
    found: Services = app.extensions["patchbay"]
    return found


@pytest.fixture
def api(app: Flask) -> Api:
    return organisation(app, "11111111-1111-4111-8111-111111111111", "key of the first")


@pytest.fixture
def other(app: Flask) -> Api:
    return organisation(app, "22222222-2222-4222-8222-222222222222", "key of the second")


@pytest.fixture(scope="module")
def entry() -> Iterator[Api]:
    """For tests of what is refused at entry: it leaves nothing, whichever the database is."""
    with new_app() as app:
        yield organisation(app, "33333333-3333-4333-8333-333333333333", "key of the third")
