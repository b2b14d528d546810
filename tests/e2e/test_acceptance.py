"""What the nearest peers get wrong, seen live; here each is refused, or changes nothing."""

from __future__ import annotations

import itertools
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from providers.twilio.signature import FORM
from tests.bridge import Bridge
from tests.fakes.carriers.accounts import CUSTOMER, SECRETS
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE


@pytest.fixture(scope="module")
def assistant_id(bridge: Bridge) -> str:
    body = {"name": "echo", "transport": {"provider": "echo"}}
    return str(bridge.api("POST", "/assistant", body, expect=201)["id"])


def test_the_same_answer_webhook_twice_makes_one_call(bridge: Bridge, assistant_id: str) -> None:
    ref, path = VONAGE.new_ref(), f"/vonage/answer?assistantId={assistant_id}"
    arrival = VONAGE.arrival(ref)
    first, second = (VONAGE.send(bridge, path, arrival, method="GET") for _ in range(2))
    assert first == second
    made = bridge.api("GET", f"/call?phoneCallProviderId={ref}")
    assert len(made) == 1


def test_the_same_leg_at_once_many_times_is_one_call(bridge: Bridge, assistant_id: str) -> None:
    sid, path = TWILIO.new_ref(), f"/twilio/inbound_call?assistantId={assistant_id}"
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: TWILIO.send(bridge, path, TWILIO.arrival(sid)), range(8))
        assert {status for status, _ in answers} == {200}
    assert len(bridge.api("GET", f"/call?phoneCallProviderId={sid}")) == 1


def test_a_replayed_arrival_of_an_ended_call_makes_no_new_one(
    bridge: Bridge, assistant_id: str
) -> None:
    sid, path = TWILIO.new_ref(), f"/twilio/inbound_call?assistantId={assistant_id}"
    TWILIO.send(bridge, path, TWILIO.arrival(sid))
    TWILIO.send(bridge, "/twilio/status", TWILIO.status(sid, "completed", 5))
    status, body = TWILIO.send(bridge, path, TWILIO.arrival(sid))
    assert (status, "<Stream" in body) == (200, False)
    assert len(bridge.api("GET", f"/call?phoneCallProviderId={sid}")) == 1


def test_a_leg_that_comes_back_after_its_call_is_a_new_call(
    bridge: Bridge, assistant_id: str
) -> None:
    """A Studio flow may lend the same leg to an assistant twice, by a URL that differs."""
    sid, path = TWILIO.new_ref(), f"/twilio/inbound_call?assistantId={assistant_id}"
    TWILIO.send(bridge, path, TWILIO.arrival(sid))
    call = bridge.api("GET", f"/call?phoneCallProviderId={sid}")[0]
    bridge.api("POST", f"/call/{call['id']}/control", {"type": "end-call"})
    again = f"{path}&metadata.after={call['id']}"
    status, body = TWILIO.send(bridge, again, TWILIO.arrival(sid))
    assert (status, "<Stream" in body) == (200, True)
    assert len(bridge.api("GET", f"/call?phoneCallProviderId={sid}")) == 2


def test_a_late_no_answer_after_completed_changes_nothing(bridge: Bridge) -> None:
    call, sid = bridge.create(), TWILIO.new_ref()
    path = target(call["phoneCallProviderDetails"]["statusCallback"])
    for sequence, status in enumerate(("initiated", "ringing", "in-progress", "completed")):
        TWILIO.send(bridge, path, TWILIO.status(sid, status, sequence))
    before = bridge.until(call["id"], "ended")
    TWILIO.send(bridge, path, TWILIO.status(sid, "no-answer", 9))
    after = bridge.call(call["id"])
    assert (after["endedReason"], after["endedAt"]) == (before["endedReason"], before["endedAt"])


def test_of_20_callbacks_at_once_20_stand_in_the_log(bridge: Bridge) -> None:
    call, sid = bridge.create(), TWILIO.new_ref()
    path = target(call["phoneCallProviderDetails"]["statusCallback"])

    def send(sequence: int) -> int:
        return TWILIO.send(bridge, path, TWILIO.status(sid, "ringing", sequence))[0]

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(send, range(20))) == {204}
    log = bridge.api("GET", f"/call/{call['id']}/events", expect=200)
    assert sum(event["kind"] == "leg.ringing" for event in log) == 20


def test_unsigned_requests_are_refused(bridge: Bridge) -> None:
    call, sid = bridge.create(), TWILIO.new_ref()
    path = target(call["phoneCallProviderDetails"]["statusCallback"])
    form = urlencode(TWILIO.status(sid, "completed", 1))
    form_type = {"Content-Type": FORM}
    twiml = f"/twilio/calls/{call['id']}/twiml"
    answers = [
        bridge.http.request("POST", bridge.url + path, body=form, headers=form_type),
        bridge.http.request(
            "POST", bridge.url + "/twilio/inbound_call", body=form, headers=form_type
        ),
        bridge.http.request("POST", bridge.url + twiml, body=form, headers=form_type),
        bridge.http.request(
            "GET", f"{bridge.url}/vonage/answer?{urlencode(VONAGE.arrival(VONAGE.new_ref()))}"
        ),
        bridge.http.request("POST", bridge.url + "/vonage/event", body=json.dumps({"uuid": "x"})),
    ]
    assert all(answer.status in {401, 403, 503} for answer in answers)
    assert bridge.call(call["id"])["status"] == "queued"


def test_nothing_depends_on_the_host_header(bridge: Bridge, assistant_id: str) -> None:
    evil = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
    }
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    status, body = TWILIO.send(bridge, path, TWILIO.arrival(TWILIO.new_ref()), headers=evil)
    assert status == 200
    assert "evil" not in body
    assert bridge.url in body


def test_no_pause_keeps_a_dead_call_alive(bridge: Bridge, assistant_id: str) -> None:
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    sid = TWILIO.new_ref()
    _, connect = TWILIO.send(bridge, path, TWILIO.arrival(sid))
    call = bridge.api("GET", f"/call?phoneCallProviderId={sid}")[0]
    bridge.api("POST", f"/call/{call['id']}/control", {"type": "end-call"})
    after = re.search(r"http[^<]+/twilio/after/[\w-]+", connect)
    assert after
    _, body = TWILIO.send(bridge, target(after[0]), TWILIO.arrival(sid, CallStatus="in-progress"))
    assert "<Hangup" in body
    assert "<Pause" not in connect + body


def test_an_arrival_without_an_assistant_says_why(bridge: Bridge) -> None:
    sid = TWILIO.new_ref()
    _, body = TWILIO.send(bridge, "/twilio/inbound_call", TWILIO.arrival(sid))
    assert "<Hangup" in body
    call = bridge.api("GET", f"/call?phoneCallProviderId={sid}")[0]
    assert (call["status"], call["endedReason"]) == ("ended", "assistant-not-provided")


def test_an_arrival_for_an_unknown_assistant_says_why(bridge: Bridge) -> None:
    sid, unknown = TWILIO.new_ref(), "00000000-0000-4000-8000-000000000000"
    TWILIO.send(bridge, f"/twilio/inbound_call?assistantId={unknown}", TWILIO.arrival(sid))
    call = bridge.api("GET", f"/call?phoneCallProviderId={sid}")[0]
    assert call["endedReason"] == "assistant-not-found"


def test_a_word_nobody_knows_is_kept_and_answered(bridge: Bridge) -> None:
    call, sid = bridge.create(), TWILIO.new_ref()
    path = target(call["phoneCallProviderDetails"]["statusCallback"])
    status, _ = TWILIO.send(bridge, path, TWILIO.status(sid, "levitating", 1, Brand="new"))
    assert status == 204
    log = bridge.api("GET", f"/call/{call['id']}/events")
    assert log[-1]["raw"]["CallStatus"] == "levitating"
    assert log[-1]["raw"]["Brand"] == "new"


ORDERS = random.Random(7).sample(list(itertools.permutations(range(4))), 6)


@pytest.mark.parametrize("order", ORDERS)
def test_sampled_orders_converge_through_http(bridge: Bridge, order: tuple[int, ...]) -> None:
    """The fold does so for all orders; here some of them with the store and HTTP in between."""
    words = ("initiated", "ringing", "busy", "completed")
    call, sid = bridge.create(), TWILIO.new_ref()
    path = target(call["phoneCallProviderDetails"]["statusCallback"])
    for index in order:
        TWILIO.send(bridge, path, TWILIO.status(sid, words[index], index))
    ended = bridge.until(call["id"], "ended")
    assert ended["endedReason"] == "customer-busy"


def test_vonage_order_is_by_its_own_time(bridge: Bridge) -> None:
    call = bridge.create("vonage")
    path = target(VONAGE.status_url(call["phoneCallProviderDetails"]))
    events = ("completed", "busy", "ringing", "started")
    for second, status in reversed(list(enumerate(reversed(events)))):
        word = VONAGE.status(f"CON-{call['id']}", status, second)
        assert VONAGE.send(bridge, path, word)[0] in {200, 204}
    assert bridge.until(call["id"], "ended")["endedReason"] == "customer-busy"


def test_no_carrier_secret_lies_in_the_store_or_an_answer(own_bridge: Bridge) -> None:
    """Canaries: unmistakable secrets, looked for in everything that can be read."""
    canary = "canary-transient-auth-token"
    transient = {
        "twilioPhoneNumber": "+15550109999",
        "twilioAccountSid": "AC" + "f" * 32,
        "twilioAuthToken": canary,
        "serverUrlSecret": "canary-number-server-secret",
    }
    assistant = {
        "name": "x",
        "serverUrl": "http://127.0.0.1:9/",
        "serverUrlSecret": "canary-server",
    }
    body = {
        "phoneNumber": transient,
        "assistant": assistant,
        "customer": {"number": CUSTOMER},
        "phoneCallProviderBypassEnabled": True,
    }
    call = own_bridge.api("POST", "/call", body, expect=201)
    saved = own_bridge.api("POST", "/assistant", assistant, expect=201)
    own_bridge.api(
        "POST",
        "/phone-number",
        {"provider": "twilio", **transient, "twilioPhoneNumber": "+15550109998"},
        expect=201,
    )
    seen = json.dumps(
        [
            call,
            saved,
            own_bridge.api("GET", "/call"),
            own_bridge.api("GET", "/phone-number"),
            own_bridge.api("GET", "/credential"),
            own_bridge.api("GET", "/assistant"),
            own_bridge.api("GET", f"/call/{call['id']}/messages"),
            own_bridge.api("GET", f"/call/{call['id']}/events"),
        ]
    )
    own_bridge.stop()
    stored = dump(own_bridge.environ["DATABASE_URL"])
    for secret in (*SECRETS, canary, "canary-number-server-secret", "canary-server"):
        assert secret not in seen
        assert secret not in stored
        assert secret not in own_bridge.log.read_text()


def dump(url: str) -> str:
    """Every value of every table, as text."""
    import warnings

    import sqlalchemy as sa

    from app.store.engine import Store

    store = Store(url)
    metadata = sa.MetaData()
    with store.read() as conn:
        with warnings.catch_warnings():  # of indexes on expressions
            warnings.simplefilter("ignore")
            metadata.reflect(conn)
        rows: list[Any] = [
            row for table in metadata.sorted_tables for row in conn.execute(table.select())
        ]
    store.close()
    return "\n".join(str(tuple(row)) for row in rows)
