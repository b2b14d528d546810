"""Legs without an assistant, through a whole bridge: the owner's server is asked, once, in time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.bridge import Bridge
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE
from tests.fakes.client_server import Receiver, Reply
from tests.spawner import WarmBridge

SECRET = "the secret of the number"
PATH = "/twilio/inbound_call"
THERE = {"type": "number", "number": "+14155550188"}
ECHO = {"name": "echo", "transport": {"provider": "echo"}}

Number = Callable[..., None]


@pytest.fixture
def number(bridge: Bridge, receiver: Receiver) -> Iterator[Number]:
    """Gives the Twilio number the receiver as its server; called again, more fields."""
    path = f"/phone-number/{bridge.number_id('twilio')}"

    def patch(**fields: Any) -> None:
        server = {"url": receiver.url, "secret": SECRET}
        bridge.api("PATCH", path, {"server": server, "assistantId": None, **fields}, expect=200)

    patch()
    yield patch
    patch(server=None, fallbackDestination=None, hooks=None)


def says(body: Any, status: int = 200) -> Reply:
    return Reply(status, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def arrive(bridge: Bridge, sid: str) -> str:
    status, body = TWILIO.send(bridge, PATH, TWILIO.arrival(sid))
    assert status == 200, body
    return body


def the_call(bridge: Bridge, sid: str) -> Mapping[str, Any]:
    found = bridge.api("GET", f"/call?phoneCallProviderId={sid}", expect=200)
    assert len(found) == 1
    return dict(found[0])


def questions(receiver: Receiver) -> list[Any]:
    told = [(request, json.loads(request.body)["message"]) for request in receiver.requests]
    return [(request, m) for request, m in told if m["type"] == "assistant-request"]


REPLIES: list[tuple[Reply, str, str]] = [
    # what the server answers, what becomes of the call, what stands in endedMessage
    (says({"error": "We are closed."}), "assistant-request-returned-error", "We are closed."),
    (says({}, 500), "assistant-request-returned-error", "answered 500"),
    (says({}, 302), "assistant-request-returned-error", "answered 302"),
    (says(b"x" * 1_000_001), "assistant-request-returned-error", "over 1000000 bytes"),
    (Reply(silent=True), "assistant-request-returned-error", "within 2 s"),
    (says({}), "assistant-request-returned-no-assistant", "names no assistant"),
    (says(b"<html>"), "assistant-request-returned-invalid-assistant", "not JSON"),
    (
        says({"assistant": {"maxDurationSeconds": 1}}),
        "assistant-request-returned-invalid-assistant",
        "maxDurationSeconds",
    ),
    (
        says({"destination": {**THERE, "number": "+19005550188"}}),
        "assistant-request-returned-invalid-assistant",
        "premium",
    ),
    (says({"assistantId": "nobody"}), "assistant-not-found", "nobody"),
]


@pytest.mark.parametrize(("reply", "reason", "message"), REPLIES, ids=[r[1] for r in REPLIES])
def test_no_assistant(
    bridge: Bridge, receiver: Receiver, number: Number, reply: Reply, reason: str, message: str
) -> None:
    sid = TWILIO.new_ref()
    body = first_asked(bridge, receiver, sid, reply)
    call = the_call(bridge, sid)
    assert (call["status"], call["endedReason"]) == ("ended", reason)
    assert message in call["endedMessage"]
    artifacts = call["inboundPhoneCallDebuggingArtifacts"]
    assert message in artifacts["error"]
    assert message in artifacts["assistantRequestError"]
    is_read = reply.status == 200 and not reply.silent and 0 < len(reply.body) < 1000
    assert not is_read or artifacts["assistantRequestResponse"] is not None
    assert ("We are closed." in body) == (message == "We are closed.")
    assert body.endswith("<Hangup /></Response>")
    assert arrive(bridge, sid) == body  # sent again: the same answer


def first_asked(bridge: Bridge, receiver: Receiver, sid: str, reply: Reply) -> str:
    """The arrival's answer. Status updates race with the question, so every message gets the reply
    until it is decided."""
    receiver.reply = reply
    body = arrive(bridge, sid)
    receiver.reply = 200
    return body


@pytest.mark.parametrize("transient", [True, False])
def test_an_assistant(bridge: Bridge, receiver: Receiver, number: Number, transient: bool) -> None:
    chosen: dict[str, Any] = {"assistant": ECHO}
    if not transient:
        chosen = {"assistantId": bridge.api("POST", "/assistant", ECHO, expect=201)["id"]}
    overrides = {"maxDurationSeconds": 77}
    sid = TWILIO.new_ref()
    body = first_asked(bridge, receiver, sid, says({**chosen, "assistantOverrides": overrides}))
    assert "<Stream" in body
    call = the_call(bridge, sid)
    assert (call["status"], call["maxDurationSeconds"]) == ("ringing", 77)
    assert call["assistantOverrides"] == overrides
    assert call.get("assistantId") == chosen.get("assistantId")
    assert call.get("assistant") == chosen.get("assistant")


def test_the_question(bridge: Bridge, receiver: Receiver, number: Number) -> None:
    sid = TWILIO.new_ref()
    first_asked(bridge, receiver, sid, says({"assistant": ECHO}))
    [(request, message)] = questions(receiver)
    assert message["call"]["id"] == the_call(bridge, sid)["id"]
    assert message["call"]["phoneCallProviderId"] == sid
    assert message["customer"] == {"number": TWILIO.arrival(sid)["From"]}
    assert message["phoneNumber"]["server"] == {"url": receiver.url}
    assert isinstance(message["timestamp"], int)
    assert request.headers["x-vapi-secret"] == SECRET
    Webhook(SECRET.encode()).verify(request.body, dict(request.headers))


def test_the_same_arrival_many_times_at_once_asks_once(
    bridge: Bridge, receiver: Receiver, number: Number
) -> None:
    receiver.reply = says({"assistant": ECHO})
    sid = TWILIO.new_ref()
    headers = {"I-Twilio-Idempotency-Token": sid}
    with ThreadPoolExecutor(5) as pool:
        answers = list(
            pool.map(
                lambda _: TWILIO.send(bridge, PATH, TWILIO.arrival(sid), headers=headers),
                range(5),
            )
        )
    assert len(set(answers)) == 1
    assert "<Stream" in answers[0][1]
    assert len(questions(receiver)) == 1


def test_a_caller_who_leaves_while_the_server_thinks(
    bridge: Bridge, receiver: Receiver, number: Number
) -> None:
    receiver.reply = Reply(silent=True)
    sid = TWILIO.new_ref()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(arrive, bridge, sid)
        receiver.wait_for(lambda _: bool(questions(receiver)))
        ended = {**TWILIO.status(sid, "completed", 1), "Direction": "inbound"}
        TWILIO.send(bridge, "/twilio/status", ended)
        assert "<Hangup" in answer.result()
    assert the_call(bridge, sid)["endedReason"] == "customer-ended-call"


def test_a_destination(bridge: Bridge, receiver: Receiver, number: Number) -> None:
    sid = TWILIO.new_ref()
    body = first_asked(bridge, receiver, sid, says({"destination": THERE, "assistant": ECHO}))
    assert THERE["number"] in body
    assert the_call(bridge, sid)["status"] == "forwarding"
    assert "<Dial" in arrive(bridge, sid)
    action = body.partition('action="')[2].partition('"')[0]
    fields = {
        "DialCallStatus": "busy",
        "DialCallSid": TWILIO.new_ref(),
        "CallStatus": "in-progress",
    }
    _, after = TWILIO.send(bridge, target(action), TWILIO.arrival(sid, **fields))
    assert "<Hangup" in after  # no assistant waits for the caller
    call = the_call(bridge, sid)
    assert call["endedReason"] == "assistant-request-returned-forwarding-phone-number"
    assert "busy" in call["endedMessage"]


def test_a_failure_goes_to_the_fallback_destination(
    bridge: Bridge, receiver: Receiver, number: Number
) -> None:
    number(fallbackDestination={**THERE, "message": "One moment."})
    sid = TWILIO.new_ref()
    body = first_asked(bridge, receiver, sid, says({}, 503))
    assert "One moment." in body
    hang_up_of_destination(bridge, sid, body)
    call = the_call(bridge, sid)
    assert call["endedReason"] == "assistant-request-returned-error"
    assert call["forwardedPhoneNumber"] == THERE["number"]


def test_a_fallback_destination_passes_the_gate(
    bridge: Bridge, receiver: Receiver, number: Number
) -> None:
    number(fallbackDestination={"type": "number", "number": "+18765550188"})
    sid = TWILIO.new_ref()
    assert "<Hangup" in first_asked(bridge, receiver, sid, says({}))
    assert "ALLOWED_COUNTRIES" in the_call(bridge, sid)["endedMessage"]


ENDS: list[tuple[dict[str, Any], str, str]] = [
    # the action of the hook, what the document has, what becomes of the call
    (
        {"type": "say", "exact": "Sorry, {{customer.number}}."},
        "Sorry, +",
        "call.ending.hook-executed-say",
    ),
    (
        {"type": "transfer", "destination": THERE},
        "<Dial",
        "call.ending.hook-executed-transfer",
    ),
]


@pytest.mark.parametrize(("action", "told", "reason"), ENDS, ids=[each[2] for each in ENDS])
def test_a_hook_of_the_end(
    bridge: Bridge,
    receiver: Receiver,
    number: Number,
    action: dict[str, Any],
    told: str,
    reason: str,
) -> None:
    """No assistant came of the request. The hook goes before the fallback destination."""
    wanted = {"type": "oneOf", "key": "call.endedReason", "oneOf": ["assistant-request-failed"]}
    hook = {"on": "call.ending", "filters": [wanted], "do": action}
    number(hooks=[hook], fallbackDestination={**THERE, "message": "One moment."})
    sid = TWILIO.new_ref()
    body = first_asked(bridge, receiver, sid, says({}, 503))
    assert told in body
    assert "One moment." not in body
    assert arrive(bridge, sid) == body
    if "<Dial" in body:
        hang_up_of_destination(bridge, sid, body)
    call = the_call(bridge, sid)
    assert call["endedReason"] == reason
    assert "503" in call["inboundPhoneCallDebuggingArtifacts"]["assistantRequestError"]
    receiver.wait_for(lambda _: reason in reports(receiver))


def test_a_hook_of_the_ring(bridge: Bridge, receiver: Receiver, number: Number) -> None:
    """The server is not asked, and gets the report."""
    number(hooks=[{"on": "call.ringing", "do": [{"type": "say", "exact": "Closed."}]}])
    sid = TWILIO.new_ref()
    body = arrive(bridge, sid)
    assert "Closed." in body
    assert body.endswith("<Hangup /></Response>")
    receiver.wait_for(lambda _: "call.ringing.hook-executed-say" in reports(receiver))
    assert not questions(receiver)


def reports(receiver: Receiver) -> list[str]:
    """The ended reasons of the end-of-call reports."""
    told = [json.loads(request.body)["message"] for request in receiver.requests]
    return [m["endedReason"] for m in told if m["type"] == "end-of-call-report"]


def test_a_hook_of_another_end(bridge: Bridge, receiver: Receiver, number: Number) -> None:
    wanted = {"type": "oneOf", "key": "call.endedReason", "oneOf": ["assistant-request-failed"]}
    hook = {"on": "call.ending", "filters": [wanted], "do": {"type": "say", "exact": "Sorry."}}
    number(hooks=[hook])
    sid = TWILIO.new_ref()
    assert "Closed." in first_asked(bridge, receiver, sid, says({"error": "Closed."}))
    assert the_call(bridge, sid)["endedReason"] == "assistant-request-returned-error"


def hang_up_of_destination(bridge: Bridge, sid: str, body: str) -> None:
    """The destination had answered, and is gone. ``body``: the document that dialled it."""
    action = body.partition('action="')[2].partition('"')[0]
    fields = {
        "DialCallStatus": "completed",
        "DialCallSid": TWILIO.new_ref(),
        "CallStatus": "in-progress",
    }
    TWILIO.send(bridge, target(action), TWILIO.arrival(sid, **fields))


def test_nobody_to_ask(bridge: Bridge) -> None:
    ref = VONAGE.new_ref()
    status, body = VONAGE.send(bridge, "/vonage/answer", VONAGE.arrival(ref), method="GET")
    assert (status, body) == (200, "[]")
    call = the_call(bridge, ref)
    assert call["endedReason"] == "assistant-not-provided"
    told = "neither the URL nor the phone number names an assistant"
    assert call["inboundPhoneCallDebuggingArtifacts"] == {"error": told}


def test_a_stored_assistant_that_may_not_be_called_any_more(
    database_url: str, tmp_path: Path
) -> None:
    """It was stored when private addresses were allowed; they are not now."""
    with WarmBridge(database_url, tmp_path) as bridge:
        stream = {"transport": {"provider": "stream", "url": "ws://127.0.0.1:9/stream"}}
        assistant = bridge.api("POST", "/assistant", stream, expect=201)
        bridge.stop()
        bridge.environ["ALLOW_PRIVATE_SERVER_URLS"] = "0"
        bridge.start()
        sid, path = TWILIO.new_ref(), f"{PATH}?assistantId={assistant['id']}"
        assert "<Hangup" in TWILIO.send(bridge, path, TWILIO.arrival(sid))[1]
        assert the_call(bridge, sid)["endedReason"] == "assistant-not-invalid"
