"""Limits that hold over several processes, and ``no-server-available``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE
from tests.spawner import WarmBridge

LIMIT = 5


@pytest.fixture
def two_processes(database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    environ = {"WEB_CONCURRENCY": "2", "RATE_LIMIT_PER_MINUTE": str(LIMIT)}
    with WarmBridge(database_url, tmp_path, **environ) as running:
        yield running


@pytest.fixture(scope="module")
def one_seat_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    directory = tmp_path_factory.mktemp("log")
    with (
        fresh_database(directory) as url,
        WarmBridge(url, directory, MAX_CONCURRENT_CALLS="1") as running,
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
        status, _body = TWILIO.send(
            two_processes, "/twilio/inbound_call", TWILIO.arrival(TWILIO.new_ref())
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
    sid, path = TWILIO.new_ref(), f"/twilio/inbound_call?assistantId={assistant_id}"
    _, document = TWILIO.send(one_seat, path, TWILIO.arrival(sid))
    assert "<Stream" in document
    return sid


def reason(bridge: Bridge, ref: str) -> str:
    (call,) = bridge.api("GET", f"/call?phoneCallProviderId={ref}", expect=200)
    assert call["status"] == "ended"
    return str(call["endedReason"])


def test_a_leg_that_finds_no_seat_ends(one_seat: Bridge, assistant_id: str, seated: str) -> None:
    sid, path = TWILIO.new_ref(), f"/twilio/inbound_call?assistantId={assistant_id}"
    status, document = TWILIO.send(one_seat, path, TWILIO.arrival(sid))
    assert status == 200
    assert [verb.tag for verb in ElementTree.fromstring(document)] == ["Hangup"]
    assert reason(one_seat, sid) == "no-server-available"


def test_at_vonage_too(one_seat: Bridge, assistant_id: str, seated: str) -> None:
    ref, path = VONAGE.new_ref(), f"/vonage/answer?assistantId={assistant_id}"
    status, document = VONAGE.send(one_seat, path, VONAGE.arrival(ref), method="GET")
    assert status == 200
    assert '"connect"' not in document
    assert reason(one_seat, ref) == "no-server-available"


def test_a_flow_gets_its_leg_back(one_seat: Bridge, assistant_id: str, seated: str) -> None:
    back = (
        "https%3A%2F%2Fwebhooks.twilio.com%2Fv1%2FAccounts%2FAC%2FFlows%2FFW%3FFlowEvent%3Dreturn"
    )
    path = f"/twilio/inbound_call?assistantId={assistant_id}&returnUrl={back}"
    _, document = TWILIO.send(one_seat, path, TWILIO.arrival(TWILIO.new_ref()))
    (redirect,) = ElementTree.fromstring(document)
    assert "vapiEndedReason=no-server-available" in (redirect.text or "")


def test_the_carriers_own_repetition_keeps_its_seat(
    one_seat: Bridge, assistant_id: str, seated: str
) -> None:
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    _, document = TWILIO.send(one_seat, path, TWILIO.arrival(seated))
    assert "<Stream" in document


def test_a_seat_is_free_again_after_the_call(
    one_seat: Bridge, assistant_id: str, seated: str
) -> None:
    TWILIO.send(one_seat, "/twilio/status", TWILIO.status(seated, "completed", 5))
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    _, document = TWILIO.send(one_seat, path, TWILIO.arrival(TWILIO.new_ref()))
    assert "<Stream" in document


def test_of_many_legs_at_once_one_gets_the_seat(one_seat: Bridge, assistant_id: str) -> None:
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda _: TWILIO.send(one_seat, path, TWILIO.arrival(TWILIO.new_ref())), range(8)
        )
        assert Counter("<Stream" in document for _, document in answers) == {True: 1, False: 7}


def test_a_call_made_before_finds_no_seat_when_its_leg_comes(
    one_seat: Bridge, assistant_id: str
) -> None:
    """Its flow fetches the document from us."""
    call = one_seat.create(assistant=None, assistantId=assistant_id)
    taken = TWILIO.new_ref()
    TWILIO.send(one_seat, f"/twilio/inbound_call?assistantId={assistant_id}", TWILIO.arrival(taken))
    path = f"/twilio/calls/{call['id']}/twiml"
    _, document = TWILIO.send(one_seat, path, TWILIO.arrival(TWILIO.new_ref()))
    assert "<Stream" not in document
    assert one_seat.call(call["id"])["endedReason"] == "no-server-available"


def test_a_socket_whose_leg_never_asked_us_finds_no_seat(
    one_seat: Bridge, assistant_id: str
) -> None:
    """Its flow returned the twiml of phoneCallProviderDetails itself."""
    call = one_seat.create(assistant=None, assistantId=assistant_id)
    TWILIO.send(
        one_seat,
        f"/twilio/inbound_call?assistantId={assistant_id}",
        TWILIO.arrival(TWILIO.new_ref()),
    )
    url = TWILIO.media_url(call["phoneCallProviderDetails"])
    signed = TWILIO.signer.handshake(url)
    with pytest.raises(InvalidStatus), connect(url, additional_headers=signed):
        pass
    ended = one_seat.call(call["id"])
    assert (ended["status"], ended["endedReason"]) == ("ended", "no-server-available")


def test_phones_that_ring_take_no_seat(one_seat: Bridge) -> None:
    for fake in FAKES.values():
        call = one_seat.create(fake.name)
        path = target(fake.status_url(call["phoneCallProviderDetails"]))
        fake.send(one_seat, path, fake.status(fake.new_ref(), "ringing", 1))
        assert one_seat.call(call["id"])["status"] == "ringing"
    one_seat.create()


def test_the_api_refuses_another_call(one_seat: Bridge, seated: str) -> None:
    status, answer = one_seat.ask("POST", "/call", new_call(one_seat))
    assert (status, answer["error"]) == (400, "Bad Request")
    assert answer["message"].startswith("Over Concurrency Limit.")
