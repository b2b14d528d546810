"""The rate of new calls per API key, and calls at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.domain.calls.limits import RateLimit
from app.domain.errors import TooMany
from app.settings import Settings
from app.store.engine import Store
from app.wiring import Services
from tests.routes.api import TWILIO_NUMBER, Api, organisation, refused
from tests.store.rows import add_key, add_org

LIMIT = 3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, rate_limit_per_minute=LIMIT)


@pytest.fixture
def body(api: Api) -> dict[str, Any]:
    return {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": api.made("/phone-number", TWILIO_NUMBER)["id"],
        "assistant": {"name": "Reception"},
        "customer": {"number": "+14155550111"},
    }


def test_one_more_than_the_limit_is_429(api: Api, body: dict[str, Any]) -> None:
    statuses = [api.post("/call", body).status_code for _ in range(LIMIT)]
    assert statuses == [201] * LIMIT
    answer = api.post("/call", body)
    assert "RATE_LIMIT_PER_MINUTE" in refused(answer, 429)
    assert answer.json["error"] == "Too Many Requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60 // LIMIT
    assert len(api.get("/call").json) == LIMIT


def test_the_limit_is_the_keys_own(api: Api, other: Api, body: dict[str, Any]) -> None:
    for _ in range(LIMIT):
        api.made("/call", body)
    other.call()


def test_reading_has_no_rate(api: Api, body: dict[str, Any]) -> None:
    for _ in range(LIMIT):
        api.made("/call", body)
    assert {api.get("/call").status_code for _ in range(3 * LIMIT)} == {200}


def test_what_is_refused_or_repeated_uses_nothing(api: Api, body: dict[str, Any]) -> None:
    for _ in range(2 * LIMIT):
        refused(api.post("/call", {**body, "phoneNumberId": None}))
        once = api.post("/call", body, headers={"Idempotency-Key": "a key"})
        assert once.status_code == 201
    for _ in range(LIMIT - 1):
        api.made("/call", body)
    refused(api.post("/call", body), 429)
    repeated = api.post("/call", body, headers={"Idempotency-Key": "a key"})
    assert repeated.status_code == 201


def test_at_once_no_more_than_the_limit(api: Api, body: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/call", body).status_code, range(4 * LIMIT)))
    assert sorted(answers) == [201] * LIMIT + [429] * (3 * LIMIT)


def test_the_limit_comes_free_bit_by_bit(app: Flask, api: Api) -> None:
    services: Services = app.extensions["patchbay"]
    start = services.context.now()

    def takes(seconds: float) -> bool:
        context = replace(services.context, now=lambda: start + timedelta(seconds=seconds))
        with services.store.write() as conn:
            try:
                RateLimit(context, api.org_id).consume(
                    conn
                )  # the tests' keys have their organisation's id
            except TooMany:
                return False
        return True

    assert [takes(0) for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]
    assert [takes(19.9), takes(20), takes(20)] == [False, True, False]  # one in 60 / 3 seconds
    assert [takes(120) for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]  # none is saved up


@pytest.mark.parametrize("limit", [1, 7, 11, 13, 60, 600])
def test_a_limit_is_had_in_full_at_once(store: Store, settings: Settings, limit: int) -> None:
    """Also one that does not divide a minute."""
    app = create_app(replace(settings, rate_limit_per_minute=limit))
    services: Services = app.extensions["patchbay"]
    moment = services.context.now()
    context = replace(services.context, now=lambda: moment)
    with services.store.write() as conn:
        rate = RateLimit(context, add_key(conn, add_org(conn)))
        for _ in range(limit):
            rate.consume(conn)
        with pytest.raises(TooMany):
            rate.consume(conn)
    services.store.close()


def test_zero_is_no_limit(store: Store, settings: Settings) -> None:
    app = create_app(replace(settings, rate_limit_per_minute=0))
    api = organisation(app, "33333333-3333-4333-8333-333333333333", "key of the third")
    for _ in range(2 * LIMIT):
        api.call()
    app.extensions["patchbay"].store.close()


def test_what_is_dialled_beyond_its_limit_is_429_and_counted(
    store: Store, settings: Settings, body: dict[str, Any]
) -> None:
    app = create_app(replace(settings, dial_limit_per_hour=1))
    api = organisation(app, "33333333-3333-4333-8333-333333333333", "key of the third")
    dialled = {**body, "phoneCallProviderBypassEnabled": False}
    dialled["phoneNumberId"] = api.made("/phone-number", TWILIO_NUMBER)["id"]
    api.made("/call", dialled)
    answer = api.post("/call", dialled)
    assert "DIAL_LIMIT_PER_HOUR" in refused(answer, 429)
    assert 3500 <= int(answer.headers["Retry-After"]) <= 3600
    assert len(api.get("/call").json) == 1
    refused(api.post("/call", {**dialled, "customer": {"number": "+17005550188"}}))
    metrics = app.test_client().get("/metrics").text
    for reason in ("calls", "destination"):
        assert f'patchbay_dials_refused_total{{reason="{reason}"}} 1.0' in metrics
    app.extensions["patchbay"].store.close()
