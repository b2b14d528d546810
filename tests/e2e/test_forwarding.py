"""Transfers through a whole bridge: what the Call and its messages say, and what is refused."""

from __future__ import annotations

import json
import re

import pytest

from tests.bridge import Bridge
from tests.fakes.carriers.accounts import TWILIO_NUMBER
from tests.fakes.carriers.inbound_call import THERE, InboundCall, closed
from tests.fakes.carriers.leg import target
from tests.fakes.client_server import Receiver


@pytest.fixture
def caller(bridge: Bridge, receiver: Receiver) -> InboundCall:
    return InboundCall(bridge, receiver)


def statuses(receiver: Receiver) -> list[str]:
    told = [json.loads(request.body)["message"] for request in receiver.requests]
    return [message["status"] for message in told if message["type"] == "status-update"]


def test_a_transfer_that_is_answered(caller: InboundCall, receiver: Receiver) -> None:
    socket = caller.join()
    assert caller.transfer({**THERE, "message": "One moment.", "extension": "1,2"})[0] == 200
    assert closed(socket) == 1000
    document = caller.after()
    dial = next(document.iter("Dial"))
    assert [each.tag for each in document] == ["Say", "Dial"]
    assert (document[0].text, dial[0].text) == ("One moment.", THERE["number"])
    assert (dial[0].get("sendDigits"), dial.get("callerId")) == ("1w2", TWILIO_NUMBER)
    caller.dialled(document, "completed")
    call = caller.bridge.until(caller.call_id, "ended")
    assert call["endedReason"] == "assistant-forwarded-call"
    assert call["forwardedPhoneNumber"] == call["destination"]["number"] == THERE["number"]
    receiver.wait_for(lambda _: "ended" in statuses(receiver))
    assert statuses(receiver) == ["queued", "ringing", "in-progress", "forwarding", "ended"]
    told = [json.loads(request.body)["message"] for request in receiver.requests]
    forwarding = next(message for message in told if message.get("status") == "forwarding")
    assert forwarding["destination"]["number"] == THERE["number"]


def test_a_busy_destination_gives_the_caller_back(caller: InboundCall, receiver: Receiver) -> None:
    closed_by_us = caller.join()
    caller.transfer()
    assert closed(closed_by_us) == 1000
    assert list(caller.dialled(caller.after(), "busy").iter("Stream"))
    with caller.join():
        call = caller.bridge.call(caller.call_id)
        assert "destination" not in call
        receiver.wait_for(lambda _: statuses(receiver)[3:] == ["forwarding", "in-progress"])


def test_a_busy_destination_may_end_the_call(caller: InboundCall) -> None:
    caller.join()
    caller.transfer({**THERE, "onFailure": "end"})
    document = caller.dialled(caller.after(), "busy")
    assert [each.tag for each in document] == ["Hangup"]
    call = caller.bridge.until(caller.call_id, "ended")
    assert call["endedReason"] == "assistant-forwarded-call"
    assert "busy" in call["endedMessage"]
    assert "forwardedPhoneNumber" not in call


def test_a_caller_who_leaves_while_it_rings(caller: InboundCall) -> None:
    caller.join()
    caller.transfer()
    action = next(caller.after().iter("Dial")).get("action", "")
    caller.ask(target(action), DialCallStatus="canceled", CallStatus="completed")
    call = caller.bridge.until(caller.call_id, "ended")
    assert call["endedReason"] == "customer-ended-call"
    assert [each["status"] for each in call["artifact"]["transfers"]] == ["cancelled"]


def test_the_same_questions_get_the_same_answers(caller: InboundCall) -> None:
    caller.join()
    caller.transfer()
    first, second = (caller.after() for _ in range(2))
    assert [each.tag for each in first] == [each.tag for each in second] == ["Dial"]
    for dial in (first, second):
        assert list(caller.dialled(dial, "no-answer").iter("Stream"))
    again = caller.dialled(second, "no-answer")
    assert [each.tag for each in again] == ["Connect", "Redirect"]
    log = caller.bridge.api("GET", f"/call/{caller.call_id}/events")
    assert sum(event["kind"] == "forward.started" for event in log) == 1


def test_three_times_at_most(caller: InboundCall) -> None:
    for _ in range(3):
        caller.join()
        assert caller.transfer()[0] == 200
        caller.dialled(caller.after(), "busy")
    caller.join()
    status, answer = caller.transfer()
    assert (status, answer["message"]) == (400, "a call is forwarded 3 times at most")


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ({"type": "number", "number": TWILIO_NUMBER}, "your own"),  # a loop
        ({"type": "number", "number": "+18765550188"}, "ALLOWED_COUNTRIES"),  # Jamaica
        ({"type": "sip", "sipUri": "sip:a@example.com"}, "ALLOWED_SIP_HOSTS"),
        ({"type": "number", "number": "911"}, "E.164"),
    ],
)
def test_a_refused_destination_changes_nothing(
    caller: InboundCall, destination: dict[str, str], message: str
) -> None:
    with caller.join():
        status, answer = caller.transfer(destination)
        assert status == 400
        assert re.search(re.escape(message), str(answer["message"]))
        assert caller.bridge.call(caller.call_id)["status"] == "in-progress"


def test_what_was_tried(caller: InboundCall) -> None:
    caller.join()
    caller.transfer({**THERE, "message": "One moment."})
    assert caller.bridge.call(caller.call_id)["artifact"]["transfers"] == [
        {"destination": {**THERE, "message": "One moment."}, "mode": "blind-transfer"}
    ]
    caller.dialled(caller.after(), "no-answer")
    caller.join()
    caller.transfer()
    caller.dialled(caller.after(), "completed")
    call = caller.bridge.until(caller.call_id, "ended")
    tried = [
        (each["destination"]["number"], each["status"]) for each in call["artifact"]["transfers"]
    ]
    assert tried == [(THERE["number"], "no-answer"), (THERE["number"], "completed")]
