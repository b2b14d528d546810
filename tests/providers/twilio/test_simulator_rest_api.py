"""The simulated Twilio's REST API: what it refuses, what it shows, and the calls it places."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from providers.base.instructions import Connect
from providers.base.rest import OutboundCall, Window
from providers.errors import CarrierError
from providers.simulation.stage import Callee
from providers.twilio import TWILIO
from providers.twilio.simulator import serve_api
from providers.twilio.simulator.config import TwilioStage
from providers.twilio.simulator.rest_api import ERRORS, authorized
from tests.fakes.bridge import Bridge, standing_in
from tests.providers.twilio.test_simulator import ACCOUNT_SID, PATIENCE, TOKEN, config

CALLS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"
GOOD = {"To": "+14155550123", "From": "+14155550001", "Twiml": "<Response/>"}


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        yield bridge


@pytest.fixture
def api(bridge: Bridge) -> Iterator[TwilioStage]:
    with serve_api(config(bridge), out=lambda line: None) as api:
        yield api
        for call in api.calls.values():
            call.hang_up("completed")
        api.join()


def ask(
    api: TwilioStage,
    method: str,
    path: str,
    fields: Any = None,
    key: str = f"{ACCOUNT_SID}:{TOKEN}",
) -> tuple[int, dict[str, Any]]:
    headers = urllib3.make_headers(basic_auth=key)
    query, body = ("", None) if method != "GET" else (f"?{urlencode(fields or {})}", b"")
    if body is None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(fields or {}).encode()
    response = urllib3.request(method, f"{api.api_url}{path}{query}", headers=headers, body=body)
    return response.status, response.json()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"To": "12"}, 21211),  # no number
        ({"To": "+0123456789"}, 21211),
        ({"From": "abc"}, 21212),
        ({"To": "+15005550001"}, 21217),  # the magic numbers of test credentials
        ({"To": "+15005550002"}, 21214),
        ({"To": "+15005550003"}, 21215),
        ({"To": "+15005550004"}, 21216),
        ({"Twiml": ""}, 21218),  # nothing to run
        ({"Twiml": "x" * 4001}, 32018),
        ({"Url": "ftp://x"}, 21205),
        ({"StatusCallback": "/relative"}, 21205),
        ({"StatusCallback": "http://under_score/x"}, 21205),
    ],
)
def test_create_refuses(api: TwilioStage, changes: dict[str, str], code: int) -> None:
    status, body = ask(api, "POST", f"{CALLS}.json", GOOD | changes)
    assert (status, body["code"]) == (400, code)
    assert body["status"] == 400
    assert body["more_info"].endswith(f"/{code}")
    assert api.calls == {}


@pytest.mark.parametrize(
    ("method", "path", "key", "code"),
    [
        ("GET", f"{CALLS}.json", f"{ACCOUNT_SID}:wrong", 20003),
        ("GET", f"{CALLS}.json", "nobody:", 20003),
        ("GET", f"{CALLS}/CA{'0' * 32}.json", None, 20404),  # no such call
        ("POST", f"{CALLS}/CA{'0' * 32}.json", None, 20404),
        ("GET", f"{CALLS}/nonsense.json", None, 20404),
        ("GET", f"/2010-04-01/Accounts/AC{'9' * 32}/Calls.json", None, 20404),  # not ours
        ("GET", "/elsewhere", None, 20404),
        ("DELETE", f"{CALLS}.json", None, 20004),
    ],
)
def test_refuses(api: TwilioStage, method: str, path: str, key: str | None, code: int) -> None:
    status, body = ask(api, method, path, key=key or f"{ACCOUNT_SID}:{TOKEN}")
    assert (status, body["code"]) == (ERRORS[code][0], code)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("Bearer QTpi", False),  # another scheme
        ("Basic ***", False),  # no base64
        ("Basic QTpj", False),  # A:c
        ("Basic QTpi", True),  # A:b
        ("basic QTpi", True),  # in any case
    ],
)
def test_authorized(header: str, expected: bool) -> None:
    assert authorized(header, "A", "b") == expected


def test_another_body_has_no_fields(api: TwilioStage) -> None:
    headers = urllib3.make_headers(basic_auth=f"{ACCOUNT_SID}:{TOKEN}")
    response = urllib3.request("POST", f"{api.api_url}{CALLS}.json", headers=headers, json=GOOD)
    assert response.json()["code"] == 21201


def test_account(api: TwilioStage) -> None:
    status, body = ask(api, "GET", f"/2010-04-01/Accounts/{ACCOUNT_SID}.json")
    assert (status, body["sid"], body["status"]) == (200, ACCOUNT_SID, "active")


def test_a_call_is_created_shown_listed_and_ended(api: TwilioStage) -> None:
    api.callee = Callee("rings")
    status, created = ask(api, "POST", f"{CALLS}.json", GOOD)
    assert (status, created["status"], created["direction"]) == (201, "queued", "outbound-api")
    path = f"{CALLS}/{created['sid']}.json"
    assert ask(api, "GET", path)[1]["to"] == "+14155550123"
    assert len(ask(api, "GET", f"{CALLS}.json", {"To": "+14155550123"})[1]["calls"]) == 1
    assert ask(api, "GET", f"{CALLS}.json", {"To": "+1999"})[1]["calls"] == []
    assert api.calls[created["sid"]].rings.wait(PATIENCE)
    assert ask(api, "POST", path, {"Status": "canceled"})[1]["status"] == "canceled"
    assert ask(api, "POST", path, {"Status": "completed"})[1]["code"] == 21220  # it is over


def test_a_created_call_is_played_with_the_callbacks_it_asked_for(
    api: TwilioStage, bridge: Bridge
) -> None:
    api.callee = Callee("busy")
    url = f"{bridge.url}/status"
    fields = [*GOOD.items(), ("StatusCallback", url)]
    fields += [("StatusCallbackEvent", word) for word in ("ringing", "completed")]
    ask(api, "POST", f"{CALLS}.json", fields)
    api.join()
    assert [form["CallStatus"] for form in bridge.forms("/status")] == ["ringing", "busy"]


def test_a_joined_list_of_events_asks_for_none(api: TwilioStage, bridge: Bridge) -> None:
    api.callee = Callee("busy")
    events = {"StatusCallback": f"{bridge.url}/status", "StatusCallbackEvent": "ringing completed"}
    ask(api, "POST", f"{CALLS}.json", GOOD | events)
    api.join()
    assert bridge.requests == []


def test_url_wins_over_twiml(api: TwilioStage, bridge: Bridge) -> None:
    ask(api, "POST", f"{CALLS}.json", GOOD | {"Url": f"{bridge.url}/twiml", "Method": "GET"})
    api.join()
    assert [request.method for request in bridge.to("/twiml")] == ["GET"]


def test_the_bridges_own_client_can_use_it(api: TwilioStage, bridge: Bridge) -> None:
    account = TWILIO.config.account(ACCOUNT_SID, {"authTokens": [TOKEN]})
    account = type(account)(account.ref, account.secrets, api_url=api.api_url)
    client = TWILIO.client(account)
    assert "Simulated account (active)" in client.check()
    api.callee = Callee("rings")
    connect = Connect("id", "wss://h/m/t", f"{bridge.url}/s", f"{bridge.url}/a")
    assert client.send_text("+14155550123", "+14155550001", "Hello").startswith("SM")
    assert api.texts == [("+14155550123", "Hello")]
    with pytest.raises(CarrierError, match="Message body is required"):
        client.send_text("+14155550123", "+14155550001", "")
    dialed = client.dial(
        OutboundCall("+14155550123", "+14155550001", connect, f"{bridge.url}/status", 60)
    )
    assert api.calls[dialed.call_ref].rings.wait(PATIENCE)
    now = datetime.now(UTC)
    window = Window(now - timedelta(minutes=1), now)
    (placed,) = client.find_placed("+14155550123", "+14155550001", window)
    assert placed.leg.leg_ref == dialed.leg_ref
    assert client.find_placed("+14155550124", "+14155550001", window) == []
    client.hang_up(dialed.leg_ref)
    api.join()
    assert bridge.forms("/status")[-1]["CallStatus"] == "canceled"
    with pytest.raises(CarrierError) as caught:
        client.hang_up(dialed.leg_ref)
    assert caught.value.gone
