"""The bridge dies while a carrier's API works on its create-call: nobody dials again.

On SQLite only, where the half minute can be skipped after which a killed process counts as dead.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from providers.simulation.api_server import ApiReply, ApiRequest, serve
from providers.simulation.config import own_port
from tests.bridge import Bridge
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.leg import target
from tests.spawner import WarmBridge

PATIENCE = 30.0
"""Seconds until a test that waits gives up: only ever reached by a failure."""


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
    with WarmBridge(url, tmp_path, RECONCILE_SECONDS="600") as running:
        yield running


@pytest.mark.parametrize("carrier", FAKES)
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
    fake = FAKES[carrier]
    ref, path = fake.new_ref(), target(fake.ordered_status_url(asked.body))
    assert fake.send(bridge, path, fake.status(ref, "ringing", 1))[0] == 204
    return ref
