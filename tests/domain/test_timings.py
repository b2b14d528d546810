"""What is measured of calls: how long the assistant takes to join, and a webhook to be answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app.domain.context import Context
from app.domain.timings import Timing
from tests.domain.live_call import Live, join, read
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api

Observed = list[tuple[Timing, float]]


@pytest.fixture
def context(app: Flask) -> Context:
    found: Context = app.extensions["patchbay"].context
    return found


@pytest.fixture
def observed(context: Context) -> Observed:
    """What is measured from now on."""
    found = Observed()
    object.__setattr__(context, "observe", lambda timing, seconds: found.append((timing, seconds)))
    return found


def of(timing: Timing, observed: Observed) -> list[float]:
    return [seconds for each, seconds in observed if each is timing]


def test_a_join_is_measured_from_the_leg_that_is_up(
    context: Context, leg: Leg, observed: Observed
) -> None:
    up = context.now()
    object.__setattr__(context, "now", lambda: up)
    document = read(leg, leg.arrive())
    object.__setattr__(context, "now", lambda: up + timedelta(seconds=2.5))
    assert not of(Timing.JOIN, observed)
    join(leg, document)
    assert of(Timing.JOIN, observed) == [2.5]


def test_a_socket_that_replaces_another_is_no_join(live: Live, observed: Observed) -> None:
    live.lose()
    live.put_back(1)
    assert live.status == "in-progress"
    assert not of(Timing.JOIN, observed)


def test_every_webhook_is_measured_whatever_the_answer(
    app: Flask, leg: Leg, observed: Observed
) -> None:
    assert leg.arrive().status_code == 200
    assert len(of(Timing.CALLBACK, observed)) == 1
    path = f"/{leg.name}/{'inbound_call' if leg.name == 'twilio' else 'answer'}"
    assert app.test_client().post(path, json={}).status_code >= 400
    assert len(of(Timing.CALLBACK, observed)) == 2
    assert min(of(Timing.CALLBACK, observed)) > 0


def test_the_api_is_not_measured_as_a_webhook(api: Api, observed: Observed) -> None:
    api.call()
    assert not of(Timing.CALLBACK, observed)
