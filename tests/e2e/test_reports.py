"""Server messages through a whole bridge: in order, signed, once, and never lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from standardwebhooks import Webhook

from app.store.engine import Store
from app.store.schema import jobs
from tests.bridge import Bridge
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver

SECRET = "the secret of the tests"
PAST = datetime(2020, 1, 1, tzinfo=UTC)
RETRY_SOON = {"type": "fixed", "maxRetries": 5, "baseDelaySeconds": 0.1}


def create(bridge: Bridge, receiver: Receiver, **server: Any) -> Any:
    assistant = {"name": "x", "server": {"url": receiver.url, "secret": SECRET, **server}}
    return bridge.create(assistant=assistant)


def end(bridge: Bridge, call: Any, word: str = "busy") -> None:
    """The owner's leg rings and ends."""
    sid, path = TWILIO.new_ref(), target(call["phoneCallProviderDetails"]["statusCallback"])
    for sequence, status in enumerate(("ringing", word)):
        assert TWILIO.send(bridge, path, TWILIO.status(sid, status, sequence))[0] == 204


def kinds(receiver: Receiver) -> list[str]:
    """``status-update:ringing`` and the like, in the order of arrival."""
    messages = [json.loads(request.body)["message"] for request in receiver.requests]
    return [":".join(filter(None, (m["type"], m.get("status")))) for m in messages]


def test_statuses_then_one_report(bridge: Bridge, receiver: Receiver) -> None:
    call = create(bridge, receiver)
    end(bridge, call)
    receiver.wait(4)
    assert kinds(receiver) == [
        "status-update:queued",
        "status-update:ringing",
        "status-update:ended",
        "end-of-call-report",
    ]
    ended, report = (json.loads(r.body)["message"] for r in receiver.requests[2:])
    assert ended["endedReason"] == report["endedReason"] == "customer-busy"
    assert report["call"]["id"] == call["id"]


def test_messages_are_signed_both_ways(bridge: Bridge, receiver: Receiver) -> None:
    create(bridge, receiver)
    request = receiver.wait(1)[0]
    assert request.headers["x-vapi-secret"] == SECRET
    Webhook(SECRET.encode()).verify(request.body, dict(request.headers))


def test_a_receiver_down_for_three_attempts_gets_the_report_once(
    bridge: Bridge, receiver: Receiver
) -> None:
    call = create(bridge, receiver, backoffPlan=RETRY_SOON)
    receiver.wait(1)
    receiver.script(
        200, 200, 503, 503, 503
    )  # ringing and ended arrive; the report does not, thrice
    end(bridge, call)
    messages = bridge.until_delivered(call["id"], 4)
    report = next(m for m in messages if m["type"] == "end-of-call-report")
    assert [a["statusCode"] for a in report["attempts"]] == [503, 503, 503, 200]
    ids = [r.headers["webhook-id"] for r in receiver.requests if b"end-of-call-report" in r.body]
    assert ids == [report["id"]] * 4


def test_a_report_can_be_sent_again(bridge: Bridge, receiver: Receiver) -> None:
    call = create(bridge, receiver)
    end(bridge, call)
    messages = bridge.until_delivered(call["id"], 4)
    bridge.api("POST", f"/call/{call['id']}/messages/{messages[-1]['id']}/resend", expect=200)
    requests = receiver.wait(5)
    assert requests[4].body == requests[3].body
    assert requests[4].headers["webhook-id"] == requests[3].headers["webhook-id"]


def test_kill_9_between_the_callback_and_the_delivery(
    own_bridge: Bridge, receiver: Receiver
) -> None:
    """What was answered 200 is delivered by the next process."""
    call = create(own_bridge, receiver, backoffPlan=RETRY_SOON)
    receiver.wait(1)
    receiver.reply = 503
    end(own_bridge, call)
    own_bridge.kill()
    forget_the_dead(own_bridge)
    receiver.reply = 200
    own_bridge.start()
    own_bridge.until_delivered(call["id"], 4, seconds=90)
    told = Counter(kinds(receiver))
    assert {"status-update:ended", "end-of-call-report"} <= set(told)


def forget_the_dead(bridge: Bridge) -> None:
    """As if the lease of the killed process were over: nobody waits half a minute for it."""
    store = Store(bridge.environ["DATABASE_URL"])
    with store.write() as conn:
        if store.is_sqlite:
            conn.execute(
                jobs.update().where(jobs.c.leased_until.is_not(None)).values(leased_until=PAST)
            )
        else:
            conn.execute(
                sa.text("UPDATE procrastinate_workers SET last_heartbeat = :at"), {"at": PAST}
            )
    store.close()


def test_shuffled_and_repeated_callbacks_make_one_report(
    bridge: Bridge, receiver: Receiver
) -> None:
    call = create(bridge, receiver)
    sid, path = TWILIO.new_ref(), target(call["phoneCallProviderDetails"]["statusCallback"])
    words = ("completed", "in-progress", "completed", "ringing", "initiated", "completed")
    order = {"initiated": 0, "ringing": 1, "in-progress": 2, "completed": 3}
    for word in words:
        TWILIO.send(bridge, path, TWILIO.status(sid, word, order[word]))
    receiver.wait_for(lambda _: "end-of-call-report" in kinds(receiver))
    bridge.until_delivered(call["id"], 3)
    assert Counter(kinds(receiver))["end-of-call-report"] == 1
    assert Counter(kinds(receiver))["status-update:ended"] == 1
