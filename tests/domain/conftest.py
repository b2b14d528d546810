"""The whole application, one number at each carrier, and waits that are told apart at sight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.settings import Settings
from tests.domain.live_call import ECHO, Live
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api
from tests.routes.conftest import api, app, other, services

__all__ = ["api", "app", "other", "services"]

SETTLE, JOIN, TTL = 100.0, 1000.0, 10_000.0
RETURN_HOST = "flow.example.com"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        settle_seconds=SETTLE,
        join_timeout_seconds=JOIN,
        bypass_ttl_seconds=TTL,
        allowed_return_hosts=frozenset({RETURN_HOST}),
    )


@pytest.fixture(params=[fake.leg for fake in FAKES.values()], ids=list(FAKES))
def carrier(request: pytest.FixtureRequest) -> type[Leg]:
    """Each of them."""
    kind: type[Leg] = request.param
    return kind


@pytest.fixture
def number(api: Api, carrier: type[Leg]) -> dict[str, Any]:
    """The first organisation's, with an assistant that echoes."""
    return carrier.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])


@pytest.fixture
def leg(app: Flask, carrier: type[Leg], number: dict[str, Any]) -> Leg:
    """A leg that calls that number."""
    return carrier(app)


@pytest.fixture
def live(api: Api, leg: Leg) -> Live:
    return Live(api, leg)
