"""The simulated Vonage's Voice API: what it refuses, what it shows, and the calls it places."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from providers.base.instructions import Connect
from providers.base.rest import OutboundCall, Window
from providers.errors import CarrierError
from providers.simulation.stage import Callee, CallerAction
from providers.vonage import VONAGE
from providers.vonage.simulator import serve_api
from providers.vonage.simulator.config import VonageStage
from providers.vonage.simulator.rest_api import authorized, public_key
from providers.vonage.simulator.scenarios import application_token
from tests.fakes.bridge import Bridge, said, standing_in
from tests.providers.vonage.test_simulator import APPLICATION, KEY, PATIENCE, TALK, config

PARTY = {"type": "phone", "number": "14155550123"}
GOOD = {
    "to": [PARTY],
    "from": {"type": "phone", "number": "14155550001"},
    "ncco": [TALK],
}


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        yield bridge


@pytest.fixture
def api(bridge: Bridge) -> Iterator[VonageStage]:
    with serve_api(config(bridge), out=lambda line: None) as api:
        yield api
        for leg in list(api.legs.values()):
            leg.hang_up()
        api.join()


@cache
def pem(kind: str = "rsa") -> str:
    key: Any
    if kind == "ec":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(*formats, serialization.NoEncryption()).decode())


def ask(
    api: VonageStage, method: str, path: str = "", body: Any = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {application_token(api.config)}"}
    response = urllib3.request(
        method, f"{api.api_url}/v1/calls{path}", headers=headers, json=body, timeout=PATIENCE
    )
    return response.status, response.json() if response.data else {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": None}, "to"),
        ({"to": {"type": "phone"}}, "to"),  # not an array
        ({"to": [PARTY, PARTY]}, "to"),  # not of one
        ({"to": ["1415"]}, "to"),  # no endpoint
        ({"to": [{"type": "phone", "number": "+14155550123"}]}, "to"),  # a plus
        ({"to": [{"type": "sip"}]}, "to"),
        ({"from": None}, "from"),
        ({"from": {"type": "phone", "number": "Patchbay"}}, "from"),
        ({"ncco": None}, "ncco"),  # nothing to run
        ({"ncco": TALK}, "ncco"),  # not an array
        ({"answer_url": ["http://h"]}, "ncco"),  # both
        ({"ncco": None, "answer_url": "http://h"}, "answer_url"),
        ({"event_url": "http://h"}, "event_url"),
    ],
)
def test_create_refuses(api: VonageStage, changes: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (GOOD | changes).items() if value is not None}
    status, answer = ask(api, "POST", body=body)
    assert (status, answer["title"]) == (400, "Bad Request")
    assert [each["name"] for each in answer["invalid_parameters"]] == [field]
    assert api.legs == {}


@pytest.mark.parametrize("body", [[], "x", None])
def test_a_body_that_is_no_object(api: VonageStage, body: Any) -> None:
    assert ask(api, "POST", body=body)[0] == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/unknown"),
        ("PUT", "/unknown"),
        ("DELETE", "/unknown"),  # no such route
        ("PUT", ""),
        ("GET", "/a/b"),
    ],
)
def test_not_found(api: VonageStage, method: str, path: str) -> None:
    status, answer = ask(api, method, path, {"action": "hangup"} if method == "PUT" else None)
    assert (status, answer["title"]) == (404, "Not Found")


CLAIMS = {"application_id": APPLICATION, "iat": 1_700_000_000, "jti": "j"}


def token(algorithm: str = "RS256", key: Any = None, **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, pem() if key is None else key, algorithm=algorithm)


@pytest.mark.parametrize(
    ("header", "with_key", "without"),
    [
        (lambda: "", False, False),
        (lambda: "Bearer nonsense", False, False),
        (lambda: f"Basic {token()}", False, False),
        (lambda: f"Bearer {token()}", True, True),
        (lambda: f"bearer {token()}", True, True),  # in any case
        (lambda: f"Bearer {token(exp=time.time() + 900)}", True, True),
        (lambda: f"Bearer {token(exp=1_700_000_900)}", False, False),  # long expired
        (lambda: f"Bearer {token(jti=None)}", False, False),
        (lambda: f"Bearer {token(iat=None)}", False, False),
        (lambda: f"Bearer {token(application_id=None)}", False, False),
        (lambda: f"Bearer {token(application_id='other')}", False, False),
        (lambda: f"Bearer {token('HS256', 'x' * 32)}", False, False),  # not the application's kind
        (lambda: f"Bearer {token('none', '')}", False, False),
        (lambda: f"Bearer {token('ES256', pem('ec'))}", False, False),
        # Signed by nobody, which only shows where the key is known.
        (lambda: f"Bearer {token()[:-9]}AAAAAAAAA", False, True),
    ],
)
def test_authorized(
    bridge: Bridge, header: Callable[[], str], with_key: bool, without: bool
) -> None:
    known = config(bridge, private_key=pem())
    assert authorized(header(), known) == with_key
    assert authorized(header(), replace(known, private_key=None)) == without


def test_only_rsa_keys() -> None:
    with pytest.raises(ValueError, match="RSA"):
        public_key(pem("ec"))


def test_without_a_token(api: VonageStage) -> None:
    response = urllib3.request("GET", f"{api.api_url}/v1/calls")
    assert (response.status, response.json()["title"]) == (401, "Unauthorized")


def test_a_call_is_created_shown_listed_and_ended(api: VonageStage, bridge: Bridge) -> None:
    api.callee = Callee("rings")
    events = {"event_url": [f"{bridge.url}/phone"]}
    status, created = ask(api, "POST", body=GOOD | events)
    assert (status, created["status"], created["direction"]) == (201, "started", "outbound")
    path = f"/{created['uuid']}"
    assert ask(api, "GET", path)[1]["to"] == {"type": "phone", "number": "14155550123"}
    listed = ask(api, "GET", f"?conversation_uuid={created['conversation_uuid']}")[1]
    assert listed["count"] == len(listed["_embedded"]["calls"]) == 1
    assert ask(api, "GET", "?conversation_uuid=CON-other")[1]["count"] == 0
    assert ask(api, "GET", "?page_size=101")[0] == 400
    assert ask(api, "GET", "?date_start=yesterday")[0] == 400
    assert ask(api, "GET", "?record_index=1")[1]["_embedded"]["calls"] == []
    assert ask(api, "PUT", path, {"action": "mute"})[0] == 204
    assert ask(api, "PUT", path, {"action": "dance"})[0] == 400
    call = api.legs[created["uuid"]].call
    assert call is not None
    assert call.rings.wait(PATIENCE)
    assert ask(api, "PUT", path, {"action": "hangup"}) == (204, {})
    assert ask(api, "PUT", path, {"action": "hangup"})[0] == 404  # it is over
    api.join()
    words = [document["status"] for document in bridge.documents("/phone")]
    assert words == ["started", "ringing", "cancelled", "completed"]


def test_an_answer_url_is_asked(api: VonageStage, bridge: Bridge) -> None:
    bridge.answers["/answer"] = [said([TALK])]
    body = {name: GOOD[name] for name in ("to", "from")}
    uuid = ask(api, "POST", body=body | {"answer_url": [f"{bridge.url}/answer"]})[1]["uuid"]
    api.join()
    assert [request.method for request in bridge.to("/answer")] == ["GET"]
    call = api.legs[uuid].call
    assert call is not None
    assert call.spoken == ["Goodbye."]


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ({"type": "ncco", "ncco": [TALK]}, 204),
        ({"type": "ncco"}, 400),
        ("nowhere", 400),
    ],
)
def test_transfer(api: VonageStage, destination: Any, status: int) -> None:
    api.callee = Callee("rings", (CallerAction.STAY,))
    path = f"/{ask(api, 'POST', body=GOOD)[1]['uuid']}"
    body = {"action": "transfer", "destination": destination}
    assert ask(api, "PUT", path, body)[0] == status


def test_the_bridges_own_client_can_use_it(bridge: Bridge) -> None:
    known = config(bridge, private_key=pem())
    secrets = {"applicationId": APPLICATION, "privateKey": pem(), "apiSecret": "s"}
    with serve_api(known, callee=Callee("rings"), out=lambda line: None) as api:
        account = replace(VONAGE.config.account(KEY, secrets), api_url=api.api_url)
        client = VONAGE.client(account)
        assert client.check()
        connect = Connect("id", "wss://h/m/t", f"{bridge.url}/s", f"{bridge.url}/a")
        order = OutboundCall("+14155550123", "+14155550001", connect, f"{bridge.url}/phone", 60)
        dialed = client.dial(order)
        call = api.legs[dialed.leg_ref].call
        assert call is not None
        assert call.rings.wait(PATIENCE)
        now = datetime.now(UTC)
        window = Window(now - timedelta(minutes=1), now + timedelta(seconds=1))
        (placed,) = client.find_placed("+14155550123", "+14155550001", window)
        assert placed.leg.leg_ref == dialed.leg_ref
        assert client.find_placed("+14155550124", "+14155550001", window) == []
        before = Window(now - timedelta(hours=2), now - timedelta(hours=1))
        assert client.find_placed("+14155550123", "+14155550001", before) == []
        assert client.press_keys(dialed.leg_ref, "1w#")
        assert api.legs[dialed.leg_ref].keys == "1p#"
        assert client.send_text("+14155550123", "+14155550001", "Hello")
        assert api.texts == [("+14155550123", "Hello")]
        client.hang_up(dialed.leg_ref)
        api.join()
        with pytest.raises(CarrierError) as caught:
            client.hang_up(dialed.leg_ref)
        assert caught.value.gone
        with pytest.raises(CarrierError):
            client.press_keys(dialed.leg_ref, "1")
        with pytest.raises(CarrierError, match="must be a text"):
            client.send_text("+14155550123", "+14155550001", "")
    assert bridge.documents("/phone")[-1]["status"] == "completed"
