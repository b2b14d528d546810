"""One application with 60 calls, and browsers without a script that are signed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.login import sessions, tokens
from app.store.resources import Window
from app.wiring import Services
from bench.dashboard import ORG, signed_in
from tests.dashboard.assistant_pages import MENU, keep
from tests.dashboard.pages import enter
from tests.dashboard.setup import Operator, filled, installation


@pytest.fixture(scope="package")
def app() -> Iterator[Flask]:
    with filled(60) as made:
        yield made


@pytest.fixture
def services(app: Flask) -> Services:
    found: Services = app.extensions["patchbay"]
    return found


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """It signed in with an API key."""
    return signed_in(app)


@pytest.fixture
def onlooker(app: Flask, services: Services) -> FlaskClient:
    """It signed in with a link that may look."""
    client = app.test_client()
    link = tokens.new_link(services.context, ORG, sessions.LOOK)
    assert enter(client, link.partition("#")[2]).status_code == 303
    return client


@pytest.fixture(scope="package")
def _empty_app() -> Iterator[Flask]:
    with filled(0) as made:
        yield made


@pytest.fixture
def empty(_empty_app: Flask) -> FlaskClient:
    """Of an organisation without calls."""
    return signed_in(_empty_app)


@pytest.fixture
def assistant(services: Services) -> Iterator[str]:
    """The id of a keypad menu with a secret. There is no other."""
    forget_assistants(services)
    made = keep(services, {**MENU, "server": {"url": "https://example.com", "secret": "s3cret"}})
    yield made
    forget_assistants(services)


def forget_assistants(services: Services) -> None:
    """Other tests may have kept some."""
    for each in services.resources.assistants.list(ORG, Window(limit=1000)):
        services.resources.assistants.delete(ORG, each["id"])


@pytest.fixture(scope="module")
def made() -> Iterator[Flask]:
    """An installation as an operator sets it up; each file has its own."""
    with installation() as app:
        yield app


@pytest.fixture
def operator(made: Flask) -> Operator:
    return Operator(made)
