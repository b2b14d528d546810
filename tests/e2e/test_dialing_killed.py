"""The bridge dies while a carrier's API works on its create-call: nobody dials again.

On SQLite only, where the half minute can be skipped after which a killed process counts as dead.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from providers.simulation.api_server import ApiReply, ApiRequest, serve
from providers.simulation.stage import own_port
from tests.bridge import CUSTOMER, VONAGE_NUMBER, Bridge
from tests.fakes.carriers.requests import call_sid, target, twilio_post, twilio_status, vonage_post

PATIENCE = 30.0
"""Seconds until a test that waits gives up: only ever reached by a failure."""
UUID, CONVERSATION = "63f61863-4a51-4f6b-86e1-46edebcf9356", "CON-killed"


@dataclass
class Api:
    """Has placed the call when it is asked, and says so only once nobody listens any more."""

    asked: list[ApiRequest] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    killed: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: ApiRequest) -> ApiReply:
        self.asked.append(request)
        self.begun.set()
        self.killed.wait(PATIENCE)
        return ApiReply(500, {"code": 20500, "title": "too late"})


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    """Its watchdog does not wake while a test runs: a call without a leg stays open."""
    url = f"sqlite:///{tmp_path}/killed.db"
    with Bridge(url, tmp_path, RECONCILE_SECONDS="600") as running:
        yield running


@pytest.mark.parametrize("carrier", ["twilio", "vonage"])
def test_killed_between_the_question_and_the_answer(bridge: Bridge, carrier: str) -> None:
    api = Api()
    with serve(api.answer, own_port(bridge.environ[f"{carrier.upper()}_API_URL"])):
        call = bridge.create(carrier, phoneCallProviderBypassEnabled=False)
        assert api.begun.wait(PATIENCE)
        bridge.kill()
        api.killed.set()
        half_a_minute_later(bridge)
        bridge.start()
        bridge._until(lambda: dialling(bridge), lambda count: count == 0, PATIENCE)
        assert bridge.call(call["id"])["status"] == "queued"
        ref = rings(bridge, carrier, api.asked[0])
        adopted = bridge.until(call["id"], "ringing")
    assert adopted["phoneCallProviderId"] == ref
    assert [each.method for each in api.asked] == ["POST"]


def half_a_minute_later(bridge: Bridge) -> None:
    """The lease of the job that was running is over."""
    with closing(store(bridge)) as opened, opened:
        done = opened.execute("UPDATE jobs SET leased_until = due WHERE kind = 'dial'")
        assert done.rowcount == 1


def dialling(bridge: Bridge) -> int:
    """Jobs that dial: waiting, or under way."""
    with closing(store(bridge)) as opened:
        return int(opened.execute("SELECT count(*) FROM jobs WHERE kind = 'dial'").fetchone()[0])


def store(bridge: Bridge) -> sqlite3.Connection:
    return sqlite3.connect(bridge.environ["DATABASE_URL"].removeprefix("sqlite:///"))


def rings(bridge: Bridge, carrier: str, asked: ApiRequest) -> str:
    """The phone's first callback, to where the create-call said; the carrier's id of the call."""
    if carrier == "twilio":
        sid = call_sid()
        path = target(parse_qs(asked.body.decode())["StatusCallback"][0])
        assert twilio_post(bridge, path, **twilio_status(sid, "ringing", 1))[0] == 204
        return sid
    order: dict[str, Any] = json.loads(asked.body)
    event = {
        "uuid": UUID,
        "conversation_uuid": CONVERSATION,
        "direction": "outbound",
        "from": VONAGE_NUMBER[1:],
        "to": CUSTOMER[1:],
        "status": "ringing",
        "timestamp": "2026-11-23T12:00:00.000Z",
    }
    assert vonage_post(bridge, target(order["event_url"][0]), event)[0] == 204
    return CONVERSATION
