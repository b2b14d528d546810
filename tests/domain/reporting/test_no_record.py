"""A call without a record: its messages are delivered, and then nothing of what was said is left."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import default_org
from app.domain.live import control
from app.domain.reporting import no_record
from app.domain.reporting.live_messages import OutgoingMessage
from app.domain.resources.assistants import ResourceService
from app.domain.services.retention import CallService
from app.settings import Settings, VendorSettings
from app.store import outbox, owner_callbacks
from app.store.messages import DELIVERED, Attempt
from app.store.outbox import Tried
from app.store.schema import metadata
from tests.domain.reporting.test_analysis import Talked
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.threaded import threaded

CANARY = "c4n4ry-of-a-caller"
SAID = {
    "messages": [
        {"role": "bot", "message": "Hello."},
        {"role": "user", "message": CANARY},
        {"role": "tool_calls", "toolCalls": [{"id": "1", "function": {"arguments": CANARY}}]},
        {"role": "tool_call_result", "name": "book", "toolCallId": "1", "result": CANARY},
    ],
    "variableValues": {"heard": CANARY},
    "transcript": f"AI: Hello.\nUser: {CANARY}\n",
}
EACH = pytest.mark.parametrize(
    "fields",
    [
        {"hipaaEnabled": True},
        {"compliancePlan": {"hipaaEnabled": True}},
        {"compliancePlan": {"pciEnabled": True}},
    ],
)
HEARD = ["transcript", "conversation-update", "end-of-call-report", "status-update"]


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with threaded(Chat(f'{{"heard": "{CANARY}"}}')) as chat:
        vendor = VendorSettings("openai", "key", f"{chat.url}/v1")
        with domain(replace(settings, vendors=(vendor,))) as made:
            yield made


def talked(both: tuple[Domain, RestApi], **fields: Any) -> Talked:
    """A call in which a caller spoke, and a supervisor let the assistant say something."""
    one = Talked(both, serverMessages=HEARD, **fields)
    heard = [
        OutgoingMessage("transcript", {"transcript": CANARY, "transcriptType": "final"}),
        OutgoingMessage("conversation-update", {"messages": SAID["messages"]}),
    ]
    one.ours.media.flush(one.claim, heard, SAID)
    say = {"type": "say", "content": CANARY}
    one.ours.calls.control(default_org.ORG_ID, one.call["id"], None, say)
    assert say["type"] in control.TYPES
    return one


def deliver(one: Talked) -> list[dict[str, Any]]:
    """Send all messages, as the dispatcher does: the bodies that a server got."""
    sent = []
    with one.context.store.write() as conn:
        while rows := outbox.sendable(conn, one.context.now(), 10):
            for row in rows:
                shown = one.ours.calls.messages(default_org.ORG_ID, one.call["id"])
                body = next(each["body"] for each in shown if each["id"] == row["id"])
                sent.append(body["message"])
                attempt = Attempt(one.context.now(), 1, 200, response=CANARY)
                tried = Tried(row, json.dumps(body), attempt, DELIVERED, one.context.now())
                outbox.record(conn, [tried], one.context.now())
    return sent


def left(one: Talked) -> str:
    """All that the database has: every row, and on SQLite every byte of its files."""
    store = one.context.store
    with store.read() as conn:
        found = [conn.execute(sa.select(table)).all() for table in metadata.sorted_tables]
    rows = [str([*map(tuple, each)]) for each in found]  # a row's own text is shortened
    if store.is_sqlite:
        assert store._checkpointer is not None
        store._checkpointer.look()
        for end in ("", "-wal", "-journal"):
            path = Path(f"{store.url.database}{end}")
            rows.append(path.read_bytes().decode("latin-1") if path.exists() else "")
    return "\n".join(rows)


def forget(one: Talked) -> float | None:
    assert f"{no_record.JOB}:{one.call['id']}" in one.ours.later.waiting
    return no_record.run(one.context, {"callId": one.call["id"]})


@EACH
def test_nothing_that_was_said_is_left(
    both: tuple[Domain, RestApi], caplog: pytest.LogCaptureFixture, fields: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    output = {"name": "Heard", "schema": {"type": "object"}}
    one = talked(both, **fields, artifactPlan={"structuredOutputs": [output]})
    one.end()
    assert forget(one) == no_record.AGAIN_SECONDS  # the report is not made yet
    assert one.run() is None
    assert CANARY in left(one)
    (report,) = [each for each in deliver(one) if each["type"] == "end-of-call-report"]
    assert CANARY in report["transcript"]
    assert CANARY in str(report["artifact"]["structuredOutputs"])
    assert forget(one) is None
    assert CANARY not in left(one)
    assert CANARY not in caplog.text
    shown = one.shown()
    assert not {"messages", "transcript", "analysis", "artifact"} & shown.keys()
    assert shown["endedReason"] == "manually-canceled"
    (again,) = one.reports()
    assert CANARY not in str(again)


def test_of_a_transfer_the_place_is_left(both: tuple[Domain, RestApi]) -> None:
    """What a destination says has values that the call has learned, or a server's words about it."""
    one = talked(both, hipaaEnabled=True, analysisPlan={"minMessagesThreshold": 100})
    plan = {
        "mode": "warm-transfer-experimental",
        "message": CANARY,
        "fallbackPlan": {"message": CANARY},
    }
    talks = {"firstMessage": CANARY, "model": {"provider": "openai", "model": "gpt-4o"}}
    place = {"type": "number", "number": "+14155550199", "callerId": "+14155550100"}
    given = {**place, "message": CANARY, "transferPlan": {**plan, "transferAssistant": talks}}
    assert one.ours.media.transfer(one.claim, given, None, summary=CANARY) is None
    one.end()
    one.run()
    assert CANARY in str(deliver(one))
    assert forget(one) is None
    assert CANARY not in left(one)
    (transfer,) = one.shown()["artifact"]["transfers"]
    mode = {"mode": "warm-transfer-experimental"}
    assert transfer == {
        "destination": {**place, "transferPlan": mode},
        **mode,
        "status": "cancelled",
    }


def test_what_was_passed_on_to_the_flows_owner_goes_too(both: tuple[Domain, RestApi]) -> None:
    """The carriers' own words, sealed: first the owner gets them."""
    one = talked(both, hipaaEnabled=True, analysisPlan={"minMessagesThreshold": 100})
    at, store = one.context.now(), one.context.store
    request = {"provider": "twilio", "signers": [], "method": "POST", "signed_url": "https://us/"}
    due = {"url": "https://x.example/", "receiver": "x.example", "attempts": 0, "next_at": at}
    times = {"created_at": at, "updated_at": at}
    ids = {"org_id": default_org.ORG_ID, "lane": "a", "key": "b", "call_id": one.call["id"]}
    with store.write() as conn:
        owner_callbacks.insert(conn, {**ids, **request, **due, **times, "state": "pending"})
    one.end()
    one.run()
    deliver(one)
    assert forget(one) == no_record.AGAIN_SECONDS
    with store.write() as conn:
        (row,) = owner_callbacks.of_call(conn, one.call["id"])
        tried = owner_callbacks.Tried(row["id"], owner_callbacks.DELIVERED, 200, None, at)
        owner_callbacks.record(conn, [tried], at)
    assert forget(one) is None
    with store.read() as conn:
        assert owner_callbacks.of_call(conn, one.call["id"]) == []


def test_words_that_come_late_go_too(both: tuple[Domain, RestApi]) -> None:
    one = talked(both, hipaaEnabled=True, analysisPlan={"minMessagesThreshold": 100})
    one.end()
    one.run()
    deliver(one)
    assert forget(one) is None
    one.ours.later.waiting.clear()
    one.ours.media.flush(one.claim, [], SAID)
    assert forget(one) is None
    assert CANARY not in left(one)


def test_an_output_that_is_always_kept_stays(both: tuple[Domain, RestApi]) -> None:
    outputs = ResourceService(both[0].context).structured_outputs
    plan = {"forceStoreOnHipaaEnabled": True}
    body = {"name": "Heard", "schema": {"type": "object"}, "compliancePlan": plan}
    id = outputs.create(default_org.ORG_ID, body)["id"]
    one = talked(both, hipaaEnabled=True, artifactPlan={"structuredOutputIds": [id]})
    one.end()
    one.run()
    deliver(one)
    assert forget(one) is None
    assert one.shown()["artifact"]["structuredOutputs"][id]["result"] == {"heard": CANARY}


def test_other_calls_keep_their_record(both: tuple[Domain, RestApi]) -> None:
    one = talked(both, compliancePlan={"hipaaEnabled": False})
    one.end()
    one.run()
    assert f"{no_record.JOB}:{one.call['id']}" not in one.ours.later.waiting
    assert CANARY in one.shown()["transcript"]


def test_a_deleted_call_leaves_nothing_either(both: tuple[Domain, RestApi]) -> None:
    """Every deletion is one of the bytes."""
    one = talked(both)
    CallService(one.context).delete(default_org.ORG_ID, one.call["id"])
    one.context.store.drop_log()
    assert CANARY not in left(one)
