"""Limits that hold over several processes, and ``no-server-available``."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from providers.twilio import signature as twilio
from tests.bridge import AUTH_TOKEN, CUSTOMER, Bridge
from tests.databases import fresh_database
from tests.fakes.carriers.requests import (
    call_sid,
    target,
    twilio_arrival,
    twilio_post,
    twilio_status,
    vonage_arrival,
    vonage_get,
    vonage_post,
)

LIMIT = 5


@pytest.fixture
def two_processes(database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    environ = {"WEB_CONCURRENCY": "2", "RATE_LIMIT_PER_MINUTE": str(LIMIT)}
    with Bridge(database_url, tmp_path, **environ) as running:
        yield running


@pytest.fixture(scope="module")
def one_seat_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    directory = tmp_path_factory.mktemp("log")
    with (
        fresh_database(directory) as url,
        Bridge(url, directory, MAX_CONCURRENT_CALLS="1") as running,
    ):
        yield running


@pytest.fixture
def one_seat(one_seat_bridge: Bridge) -> Iterator[Bridge]:
    """Its only seat is free."""
    yield one_seat_bridge
    for call in one_seat_bridge.api("GET", "/call", expect=200):
        one_seat_bridge.api("POST", f"/call/{call['id']}/control", {"type": "end-call"})


def new_call(bridge: Bridge) -> dict[str, Any]:
    return {
        "phoneNumberId": bridge.number_id("twilio"),
        "assistant": {"name": "echo", "transport": {"provider": "echo"}},
        "customer": {"number": CUSTOMER},
        "phoneCallProviderBypassEnabled": True,
    }


def test_one_key_at_two_processes_is_one_call(two_processes: Bridge) -> None:
    body, key = new_call(two_processes), {"Idempotency-Key": "a key", "Connection": "close"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: two_processes.ask("POST", "/call", body, key), range(16)))
    assert {status for status, _ in answers} == {201}
    assert len({json.dumps(call) for _, call in answers}) == 1
    assert len(two_processes.api("GET", "/call")) == 1


def test_two_processes_have_one_rate(two_processes: Bridge) -> None:
    body, alone = new_call(two_processes), {"Connection": "close"}
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: two_processes.ask("POST", "/call", body, alone), range(16))
        statuses = Counter(status for status, _ in answers)
    assert statuses == {201: LIMIT, 429: 16 - LIMIT}


def test_carriers_have_no_rate(two_processes: Bridge) -> None:
    """A leg that is refused its document is a caller who hears nothing."""
    for _ in range(3 * LIMIT):
        status, _body = twilio_post(
            two_processes, "/twilio/inbound_call", **twilio_arrival(call_sid())
        )
        assert status == 200


# ------------------------------------------------------------------ no seat


@pytest.fixture
def assistant_id(one_seat: Bridge) -> str:
    body = {"name": "echo", "transport": {"provider": "echo"}}
    return str(one_seat.api("POST", "/assistant", body, expect=201)["id"])


@pytest.fixture
def seated(one_seat: Bridge, assistant_id: str) -> str:
    """A leg that has the only seat: its sid."""
    sid, path = call_sid(), f"/twilio/inbound_call?assistantId={assistant_id}"
    _, document = twilio_post(one_seat, path, **twilio_arrival(sid))
    assert "<Stream" in document
    return sid


def reason(bridge: Bridge, ref: str) -> str:
    (call,) = bridge.api("GET", f"/call?phoneCallProviderId={ref}", expect=200)
    assert call["status"] == "ended"
    return str(call["endedReason"])


def test_a_leg_that_finds_no_seat_ends(one_seat: Bridge, assistant_id: str, seated: str) -> None:
    sid, path = call_sid(), f"/twilio/inbound_call?assistantId={assistant_id}"
    status, document = twilio_post(one_seat, path, **twilio_arrival(sid))
    assert status == 200
    assert [verb.tag for verb in ElementTree.fromstring(document)] == ["Hangup"]
    assert reason(one_seat, sid) == "no-server-available"


def test_at_vonage_too(one_seat: Bridge, assistant_id: str, seated: str) -> None:
    leg = vonage_arrival()
    status, document = vonage_get(one_seat, f"/vonage/answer?assistantId={assistant_id}", leg)
    assert status == 200
    assert '"connect"' not in document
    assert reason(one_seat, leg["conversation_uuid"]) == "no-server-available"


def test_a_flow_gets_its_leg_back(one_seat: Bridge, assistant_id: str, seated: str) -> None:
    back = (
        "https%3A%2F%2Fwebhooks.twilio.com%2Fv1%2FAccounts%2FAC%2FFlows%2FFW%3FFlowEvent%3Dreturn"
    )
    path = f"/twilio/inbound_call?assistantId={assistant_id}&returnUrl={back}"
    _, document = twilio_post(one_seat, path, **twilio_arrival(call_sid()))
    (redirect,) = ElementTree.fromstring(document)
    assert "vapiEndedReason=no-server-available" in (redirect.text or "")


def test_the_carriers_own_repetition_keeps_its_seat(
    one_seat: Bridge, assistant_id: str, seated: str
) -> None:
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    _, document = twilio_post(one_seat, path, **twilio_arrival(seated))
    assert "<Stream" in document


def test_a_seat_is_free_again_after_the_call(
    one_seat: Bridge, assistant_id: str, seated: str
) -> None:
    twilio_post(one_seat, "/twilio/status", **twilio_status(seated, "completed", 5))
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    _, document = twilio_post(one_seat, path, **twilio_arrival(call_sid()))
    assert "<Stream" in document


def test_of_many_legs_at_once_one_gets_the_seat(one_seat: Bridge, assistant_id: str) -> None:
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda _: twilio_post(one_seat, path, **twilio_arrival(call_sid())), range(8)
        )
        assert Counter("<Stream" in document for _, document in answers) == {True: 1, False: 7}


def test_a_call_made_before_finds_no_seat_when_its_leg_comes(
    one_seat: Bridge, assistant_id: str
) -> None:
    """Its flow fetches the document from us."""
    call = one_seat.create(assistant=None, assistantId=assistant_id)
    taken = call_sid()
    twilio_post(
        one_seat, f"/twilio/inbound_call?assistantId={assistant_id}", **twilio_arrival(taken)
    )
    path = f"/twilio/calls/{call['id']}/twiml"
    _, document = twilio_post(one_seat, path, **twilio_arrival(call_sid()))
    assert "<Stream" not in document
    assert one_seat.call(call["id"])["endedReason"] == "no-server-available"


def test_a_socket_whose_leg_never_asked_us_finds_no_seat(
    one_seat: Bridge, assistant_id: str
) -> None:
    """Its flow returned the twiml of phoneCallProviderDetails itself."""
    call = one_seat.create(assistant=None, assistantId=assistant_id)
    twilio_post(
        one_seat,
        f"/twilio/inbound_call?assistantId={assistant_id}",
        **twilio_arrival(call_sid()),
    )
    url = re.search(r'url="(ws[^"]+)"', call["phoneCallProviderDetails"]["twiml"])
    assert url
    signed = {"X-Twilio-Signature": twilio.compute(AUTH_TOKEN, url[1], [])}
    with pytest.raises(InvalidStatus), connect(url[1], additional_headers=signed):
        pass
    ended = one_seat.call(call["id"])
    assert (ended["status"], ended["endedReason"]) == ("ended", "no-server-available")


def test_phones_that_ring_take_no_seat(one_seat: Bridge) -> None:
    for provider in ("twilio", "vonage"):
        call = one_seat.create(provider)
        details = call["phoneCallProviderDetails"]
        if provider == "twilio":
            path = target(details["statusCallback"])
            twilio_post(one_seat, path, **twilio_status(call_sid(), "ringing", 1))
        else:
            leg = {"uuid": "u", "conversation_uuid": "c", "direction": "outbound"}
            at = {"status": "ringing", "timestamp": "2026-11-23T12:00:00.000Z"}
            vonage_post(one_seat, target(details["eventUrl"][0]), {**leg, **at})
        assert one_seat.call(call["id"])["status"] == "ringing"
    one_seat.create()


def test_the_api_refuses_another_call(one_seat: Bridge, seated: str) -> None:
    status, answer = one_seat.ask("POST", "/call", new_call(one_seat))
    assert (status, answer["error"]) == (400, "Bad Request")
    assert answer["message"].startswith("Over Concurrency Limit.")
