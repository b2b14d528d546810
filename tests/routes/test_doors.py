"""Doors: who tries wrong secrets is slowed, who has a right one is not, and pages can be closed."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.routes import auth
from app.routes.attempts import MOST_ADDRESSES, Attempts
from app.settings import Settings
from app.store import accounts
from app.store.engine import Store
from app.telemetry.once_a_minute import OnceAMinute
from app.wiring import Services
from tests.fakes.carriers.twilio import TWILIO
from tests.routes.api import UNKNOWN, Api, organisation, refused
from tests.routes.test_auth import basic

TOKEN = "a token for the metrics 0123456789"
PEER = {"REMOTE_ADDR": "192.0.2.1"}
OTHER = {"REMOTE_ADDR": "192.0.2.2"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(app: Flask) -> Clock:
    """The clock of the application's doors, which stands still."""
    services: Services = app.extensions["patchbay"]
    clock = Clock()
    for attempts in (services.doors.keys, services.doors.signatures):
        attempts._clock = clock
    return clock


def statuses(api: Api, path: str, times: int, **options: Any) -> list[int]:
    method = options.pop("method", "GET")
    return [
        api.request(method, path, environ_overrides=PEER, **options).status_code
        for _ in range(times)
    ]


WRONG: dict[str, tuple[str | None, str, dict[str, Any]]] = {
    "a key": ("wrong", "/call", {}),
    "a key as basic's password": (None, "/call", {"headers": {"Authorization": basic("", "x")}}),
    "a control token": (None, f"/call/{UNKNOWN}/control?token=x", {"method": "POST"}),
    "a control token as bearer": ("x", f"/call/{UNKNOWN}/control", {"method": "POST"}),
    "a recording's link": (None, f"/recording/{UNKNOWN}?token=x&expires=9", {}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_secrets_of_an_address_are_slowed(app: Flask, clock: Clock, name: str) -> None:
    key, path, options = WRONG[name]
    body = {"type": "end-call"} if options.get("method") else None
    stranger = Api(app, key)
    assert statuses(stranger, path, 7, body=body, **options) == [401] * 5 + [429] * 2
    clock.now += 0.2  # room for one
    assert statuses(stranger, path, 2, body=body, **options) == [401, 429]
    clock.now += 60
    assert statuses(stranger, path, 6, body=body, **options) == [401] * 5 + [429]


def test_the_refusal_says_when_to_come_again(app: Flask, clock: Clock) -> None:
    stranger = Api(app, "wrong")
    statuses(stranger, "/call", 5)
    answer = stranger.request("GET", "/call", environ_overrides=PEER)
    assert refused(answer, 429) == "Too many wrong keys from your address: try again later"
    assert answer.headers["Retry-After"] == "1"


def test_a_request_without_a_secret_is_no_attempt(app: Flask, clock: Clock) -> None:
    assert set(statuses(Api(app, None), "/call", 20)) == {401}


def test_other_addresses_and_keys_in_use_are_not_slowed(app: Flask, api: Api, clock: Clock) -> None:
    assert statuses(api, "/call", 1) == [200]
    statuses(Api(app, "wrong"), "/call", 20)
    assert statuses(api, "/call", 20) == [200] * 20
    stranger = Api(app, "wrong").request("GET", "/call", environ_overrides=OTHER)
    assert stranger.status_code == 401


def test_a_right_guess_does_not_come_through(app: Flask, clock: Clock) -> None:
    """Of a key that has opened nothing yet; else five a second would be no limit."""
    late = organisation(app, UNKNOWN, "a key that has not been used")
    statuses(Api(app, "wrong"), "/call", 5)
    assert statuses(late, "/call", 2) == [429, 429]
    assert late.request("GET", "/call", environ_overrides=OTHER).status_code == 200
    assert statuses(late, "/call", 1) == [200]  # in use now


def test_a_revoked_key_is_a_wrong_one(app: Flask, api: Api, clock: Clock) -> None:
    services: Services = app.extensions["patchbay"]
    assert statuses(api, "/call", 1) == [200]
    with services.store.write() as conn:
        assert accounts.revoke_key(conn, api.org_id, services.context.now())
    assert statuses(api, "/call", 6) == [401] * 5 + [429]
    assert not services.doors.known


def test_a_calls_own_token_is_never_slowed(app: Flask, api: Api, clock: Clock) -> None:
    path = api.call()["monitor"]["controlUrl"].removeprefix("http://localhost:8000")
    plain, _, token = path.partition("?token=")
    statuses(Api(app, "wrong"), "/call", 20)
    end = {"type": "end-call"}
    for who, where in ((Api(app, None), path), (Api(app, token), plain)):
        told = statuses(who, where, 10, method="POST", body=end)
        assert set(told) <= {200, 400}  # 400: it has ended


def test_past_the_proxy_the_peer_counts(store: Store, settings: Settings) -> None:
    app = create_app(replace(settings, trusted_proxies=1))
    app.extensions["patchbay"].doors.keys._clock = Clock()
    stranger = Api(app, "wrong")
    assert statuses(stranger, "/call", 6) == [401] * 5 + [429]
    other = stranger.request("GET", "/call", environ_overrides={"REMOTE_ADDR": "9.9.9.9"})
    assert other.status_code == 401
    app.extensions["patchbay"].store.close()


@pytest.mark.parametrize(
    ("proxies", "slowed"),
    [(0, True), (1, False)],
    ids=["the header is anyone's word", "the proxy's entry counts"],
)
def test_behind_a_proxy(store: Store, settings: Settings, proxies: int, slowed: bool) -> None:
    app = create_app(replace(settings, trusted_proxies=proxies))
    app.extensions["patchbay"].doors.keys._clock = Clock()
    found = [
        Api(app, "wrong")
        .request("GET", "/call", environ_overrides=PEER, headers={"X-Forwarded-For": f"9.9.9.{n}"})
        .status_code
        for n in range(10)
    ]
    assert (429 in found) is slowed
    app.extensions["patchbay"].store.close()


def test_forged_webhooks_are_slowed_and_signed_ones_never(
    app: Flask, api: Api, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    api.call()
    forged = {"headers": {"X-Twilio-Signature": "x"}, "method": "POST"}
    path = "/twilio/status"
    found = statuses(Api(app, None), path, 30, data=TWILIO.arrival("CA" + "0" * 32), **forged)
    assert found[:5] == [403] * 5
    assert found[5:] == [429] * 25
    lines = [record for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 10


def test_an_address_that_was_never_wrong_may_be_wrong_five_times() -> None:
    attempts = Attempts(Clock())
    assert [attempts.count("a new one") for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_who_was_seen_last_is_remembered() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_ADDRESSES):
        attempts.count(f"address {number}")
    attempts.count("address 0")  # again: the next one is now the oldest
    attempts.count("one more")
    assert "address 0" in attempts._levels
    assert "address 1" not in attempts._levels


def test_memory_of_addresses_is_bounded() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(MOST_ADDRESSES + 50):
        assert attempts.count(f"address {number}") == 0
    assert len(attempts._levels) == MOST_ADDRESSES
    assert "address 0" not in attempts._levels


PAGES = ("/metrics", "/docs", "/openapi.json", "/healthz", "/readyz")
CLOSED: list[tuple[dict[str, Any], set[str], dict[str, set[str]]]] = [
    ({}, set(), {}),
    ({"protect_metrics": True}, {"/metrics"}, {"key": {"/metrics"}}),
    ({"metrics_token": TOKEN}, {"/metrics"}, {"token": {"/metrics"}}),
    ({"metrics_token": TOKEN, "protect_metrics": True}, {"/metrics"}, {"token": {"/metrics"}}),
    (
        {"protect_docs": True},
        {"/docs", "/openapi.json"},
        {"key": {"/docs", "/openapi.json"}},
    ),
]


@pytest.mark.parametrize(("changes", "closed", "opened"), CLOSED)
def test_pages_behind_a_key(
    store: Store,
    settings: Settings,
    changes: dict[str, Any],
    closed: set[str],
    opened: dict[str, set[str]],
) -> None:
    app = create_app(replace(settings, **changes))
    key = organisation(app, UNKNOWN, "a key of the organisation")
    clients = {"key": key, "token": Api(app, TOKEN), "nothing": Api(app, None)}
    for name, client in clients.items():
        shut = {page for page in PAGES if client.get(page).status_code == 401}
        assert shut == closed - opened.get(name, set()), name
    app.extensions["patchbay"].store.close()


def test_a_slowed_address_is_logged_once(
    app: Flask, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_slowed", OnceAMinute(auth.log, auth._slowed._template))
    with caplog.at_level(logging.WARNING):
        statuses(Api(app, "a wrong key"), "/call", 50)
    [line] = [record.getMessage() for record in caplog.records if "429" in record.getMessage()]
    assert line == "wrong keys were answered with 429: 1 from 192.0.2.1"
