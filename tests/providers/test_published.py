"""Every request our REST clients make is one the carrier has published."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest

from providers.base.instructions import MachineDetection
from providers.base.rest import Account, CarrierClient, OperatorCall, OutboundCall, Window
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from providers.testing.contract import ORIGIN, arrow
from providers.twilio import TWILIO
from providers.vonage import VONAGE
from tests.fakes.carriers.accounts import ACCOUNT, API_KEY, APPLICATION, AUTH_TOKEN, private_key
from tests.providers import published

SID = "CA" + "0" * 32
UUID = "63f61863-4a51-4f6b-86e1-46edebcf9356"
MACHINE = MachineDetection(True, 30, 2400, 1200, 5000, url=f"{ORIGIN}/amd/t")
ORDER = OutboundCall(
    "+14155550123", "+12125550100", arrow(), f"{ORIGIN}/status/t", max_duration=600
)
OPERATOR = OperatorCall(
    "+14155550188", "+12125550100", f"{ORIGIN}/operator/t", f"{ORIGIN}/status/t", 900
)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANSWER = ApiReply(200, {"sid": SID, "status": "queued", "uuid": UUID, "conversation_uuid": "CON-1"})
LISTS = {
    f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json": {"calls": [], "next_page_uri": None},
    "/v1/calls": {"_embedded": {"calls": []}},
}

ASKS: dict[str, Callable[[CarrierClient, str], object]] = {
    "dial": lambda client, _: client.dial(ORDER),
    "dial-extension": lambda client, _: client.dial(replace(ORDER, extension="12#")),
    "dial-machine": lambda client, _: client.dial(replace(ORDER, machine=MACHINE)),
    "dial-sip": lambda client, _: client.dial(replace(ORDER, to="sip:ann@example.com")),
    "operator": lambda client, _: client.dial_operator(OPERATOR),
    "operator-machine": lambda client, _: client.dial_operator(
        replace(OPERATOR, detects_machine=True, extension="12#")
    ),
    "operator-sip": lambda client, _: client.dial_operator(
        replace(OPERATOR, to="sip:ann@example.com", sip_headers={"X-Desk": "billing"})
    ),
    "document": lambda client, leg: client.replace_document(leg, [arrow()]),
    "hang-up": lambda client, leg: client.hang_up(leg),
    "fetch": lambda client, leg: client.fetch(leg),
    "find-placed": lambda client, _: client.find_placed(ORDER.to, ORDER.from_, Window(NOW, NOW)),
}
RECORDING = "RE" + "0" * 32
RECORDS: dict[str, Callable[[CarrierClient], object]] = {
    "record": lambda client: client.start_recording(SID, f"{ORIGIN}/recording/t"),
    "record-stop": lambda client: client.stop_recording(SID, RECORDING),
}
each_ask = pytest.mark.parametrize("ask", ASKS.values(), ids=list(ASKS))


@pytest.fixture
def api() -> Iterator[tuple[str, list[ApiRequest]]]:
    """A carrier that agrees with everything, and keeps what it was asked."""
    asked: list[ApiRequest] = []

    def answer(request: ApiRequest) -> ApiReply:
        asked.append(request)
        listed = LISTS.get(request.path) if request.method == "GET" else None
        return ApiReply(200, listed) if listed else ANSWER

    with serve(answer, 0) as url:
        yield url, asked


@each_ask
def test_twilio(
    api: tuple[str, list[ApiRequest]], ask: Callable[[CarrierClient, str], object]
) -> None:
    url, asked = api
    ask(TWILIO.client(Account(ACCOUNT, {"authTokens": [AUTH_TOKEN]}, api_url=url)), SID)
    described = published.document("twilio_api_v2010.json")
    if described is not None:
        check_twilio(described, asked[0])


@pytest.mark.parametrize("ask", RECORDS.values(), ids=list(RECORDS))
def test_twilios_recordings(
    api: tuple[str, list[ApiRequest]], ask: Callable[[CarrierClient], object]
) -> None:
    """Vonage's begin with an NCCO, and nothing is asked of its API."""
    url, asked = api
    ask(TWILIO.client(Account(ACCOUNT, {"authTokens": [AUTH_TOKEN]}, api_url=url)))
    described = published.document("twilio_api_v2010.json")
    if described is not None:
        check_twilio(described, asked[0])


def check_twilio(described: Any, request: ApiRequest) -> None:
    operation = published.operation(described, request.method, request.path)
    assert published.query_faults(operation, dict(parse_qsl(request.query))) == []
    if request.method == "POST":
        schema = published.body_schema(described, operation)
        form = parse_qs(request.body.decode(), keep_blank_values=True)
        assert published.faults(schema, typed(schema, form)) == []


def typed(schema: published.Schema, form: dict[str, list[str]]) -> dict[str, Any]:
    """A form has text only: what the schema takes for a number or a list is read as one."""
    read: dict[str, Callable[[list[str]], Any]] = {
        "integer": lambda values: int(values[0]) if values[0].isdecimal() else values[0],
        "array": list,
    }
    kinds = {name: each.get("type", "") for name, each in schema["properties"].items()}
    return {
        name: read.get(kinds.get(name, ""), lambda values: values[0])(values)
        for name, values in form.items()
    }


@each_ask
def test_vonage(
    api: tuple[str, list[ApiRequest]], ask: Callable[[CarrierClient, str], object]
) -> None:
    url, asked = api
    secrets = {"applicationId": APPLICATION, "privateKey": private_key()}
    ask(VONAGE.client(Account(API_KEY, secrets, api_url=url)), UUID)
    described = published.document("vonage_voice.yml")
    if described is not None:
        check_vonage(described, asked[0])


NEWER = {"advanced_machine_detection"}
"""In Vonage's current description (1.10.0), not yet in the older one that is published as a file."""
SIP_NEWER = {"headers"}
"""The same of a SIP endpoint. Vonage's SDKs name it (``vonage_voice.SipEndpoint``)."""


def check_vonage(described: Any, request: ApiRequest) -> None:
    path = request.path.removeprefix("/v1/calls")  # which is in the description's server address
    operation = published.operation(described, request.method, path or "/")
    assert published.query_faults(operation, dict(parse_qsl(request.query))) == []
    if request.method != "GET":
        schema = published.body_schema(described, operation)
        body = json.loads(request.body)
        assert published.faults(schema, older(body)) == []


def older(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what the published file is too old to name."""
    known = {name: value for name, value in body.items() if name not in NEWER}
    if "to" in known:
        known["to"] = [_older_endpoint(each) for each in known["to"]]
    return known


def _older_endpoint(endpoint: dict[str, Any]) -> dict[str, Any]:
    newer = SIP_NEWER if endpoint["type"] == "sip" else ()
    return {name: value for name, value in endpoint.items() if name not in newer}


@pytest.mark.parametrize(
    "change",
    [
        {"to": ["+14155550123"]},  # an endpoint, not a number
        {"ringing_timer": 121},
        {"length_timer": "600"},  # a number, not text
        {"event_method": "PUT"},
        {"lenght_timer": 600},  # a name nobody knows
        {"to": [{"type": "phone", "number": "14155550123", "dtmf": "1"}]},
    ],
)
def test_the_check_sees_a_wrong_request(change: dict[str, Any]) -> None:
    described = published.document("vonage_voice.yml")
    if described is None:
        return
    good = {
        "to": [{"type": "phone", "number": "14155550123"}],
        "from": {"type": "phone", "number": "12125550100"},
        "ncco": [],
    }
    schema = published.body_schema(described, published.operation(described, "POST", ""))
    assert published.faults(schema, good) == []
    assert published.faults(schema, {**good, **change}) != []
