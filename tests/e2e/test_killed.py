"""The bridge is killed in the middle of its work: what it told somebody is so after the next start."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import urllib3
from websockets.sync.client import connect

from app.store.engine import Store
from app.store.schema import call_events, calls, messages
from tests.bridge import Bridge
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver, Request
from tests.spawner import WarmBridge

CONNECTIONS = 8
WORDS = ("initiated", "ringing", "in-progress")
KINDS = (
    *(f"status-update:{status}" for status in ("queued", "ringing", "in-progress", "ended")),
    "end-of-call-report:None",
)
QUIET = {"RECONCILE_SECONDS": "600", "RATE_LIMIT_PER_MINUTE": "600000"}
"""No watchdog asks a carrier that is not there."""


@dataclass
class Told:
    """What was answered. ``enough``: how many answers until the kill."""

    enough: int
    calls: dict[str, Any] = field(default_factory=dict)
    """By the idempotency key."""
    asked: set[str] = field(default_factory=set)
    """Every idempotency key, also of requests without an answer."""
    words: set[tuple[str, str]] = field(default_factory=set)
    """(call, word) of callbacks."""
    answers: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_last(self) -> bool:
        """Count one answer."""
        with self._lock:
            self.answers += 1
            return self.answers == self.enough


def rows(store: Store, query: sa.Select[Any]) -> list[Any]:
    with store.read() as conn:
        return list(conn.execute(query))


def half_a_minute_later(store: Store) -> None:
    """The leases of messages are over that a killed process was sending."""
    with store.write() as conn:
        conn.execute(messages.update().values(leased_until=None))


def order(bridge: Bridge, receiver: Receiver) -> dict[str, Any]:
    """The body of a create."""
    return {
        "phoneNumberId": bridge.number_id("twilio"),
        "assistant": {"transport": {"provider": "echo"}, "server": {"url": receiver.url}},
        "customer": {"number": CUSTOMER},
        "phoneCallProviderBypassEnabled": True,
    }


def say(bridge: Bridge, call: Any, word: str, second: int = 0) -> int:
    """One signed callback about the call's leg; the status of its answer."""
    path = target(call["phoneCallProviderDetails"]["statusCallback"])
    ref = "CA" + call["id"].replace("-", "")
    return TWILIO.send(bridge, path, TWILIO.status(ref, word, second))[0]


def client(bridge: Bridge, body: Any, told: Told, name: int) -> None:
    """Make calls and report about them until the bridge is gone. The last answer kills it."""

    def answered(status: int, expected: int) -> None:
        assert status == expected
        if told.is_last():
            bridge.kill()

    for number in range(told.enough):
        key = f"{name}-{number}"
        told.asked.add(key)
        try:
            status, call = bridge.ask("POST", "/call", body, {"Idempotency-Key": key})
            told.calls[key] = call
            answered(status, 201)
            for second, word in enumerate(WORDS):
                status = say(bridge, call, word, second)
                told.words.add((call["id"], word))
                answered(status, 204)
        except urllib3.exceptions.HTTPError:
            assert told.answers >= told.enough, "it died before it was killed"
            return


@pytest.mark.parametrize(("answers", "processes"), [(1, "1"), (90, "1"), (151, "2")])
def test_what_was_answered_is_so(
    store: Store,
    database_url: str,
    tmp_path: Path,
    receiver: Receiver,
    answers: int,
    processes: str,
) -> None:
    told = Told(answers)
    with WarmBridge(database_url, tmp_path, WEB_CONCURRENCY=processes, **QUIET) as bridge:
        body = order(bridge, receiver)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(lambda name: client(bridge, body, told, name), range(CONNECTIONS)))
        assert bridge.process is None
        check_file(store)
        check_stored(store, told)
        half_a_minute_later(store)
        bridge.start()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            again = dict(pool.map(lambda key: (key, repeat(bridge, body, key)), told.asked))
            assert {key: again[key] for key in told.calls} == told.calls
            check_tokens(bridge, *list(told.calls.values())[-3:])
            ended = pool.map(lambda call: say(bridge, call, "completed", 9), again.values())
            assert set(ended) == {204}
        made = {str(call["id"]) for call in again.values()}
        assert made == {row.id for row in rows(store, sa.select(calls.c.id))}
        check_all_delivered(bridge, store, len(made))
    check_received(receiver, made)


def repeat(bridge: Bridge, body: Any, key: str) -> Any:
    """The call that this create made before, or makes now."""
    status, call = bridge.ask("POST", "/call", body, {"Idempotency-Key": key})
    assert status == 201, call
    return call


def check_file(store: Store) -> None:
    if store.is_sqlite:
        with closing(sqlite3.connect(str(store.url.database))) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check_stored(store: Store, told: Told) -> None:
    """Every answer is stored, and each call has the message of its creation."""
    stored = {row.id for row in rows(store, sa.select(calls.c.id))}
    assert {call["id"] for call in told.calls.values()} <= stored
    first = sa.select(messages.c.call_id).where(messages.c.key == "status-update:queued")
    assert {row.call_id for row in rows(store, first)} == stored
    events = rows(store, sa.select(call_events.c.call_id, call_events.c.raw))
    words = [(row.call_id, row.raw["CallStatus"]) for row in events if row.raw]
    assert told.words <= set(words)
    assert len(words) == len(set(words))


def check_tokens(bridge: Bridge, *made: Any) -> None:
    """Each call's document leads to its assistant, and its control URL to the call."""
    for call in made:
        url = TWILIO.media_url(call["phoneCallProviderDetails"])
        with connect(url, additional_headers=TWILIO.signer.handshake(url), proxy=None):
            control = json.dumps({"type": "end-call"})
            answer = bridge.http.request("POST", call["monitor"]["controlUrl"], body=control)
            assert answer.status == 200, answer.data


def check_all_delivered(bridge: Bridge, store: Store, number: int) -> None:
    """The reports of so many calls come, and no message is left."""
    query = sa.select(messages.c.type, messages.c.state)

    def done(found: list[Any]) -> bool:
        reports = sum(row.type == "end-of-call-report" for row in found)
        return reports == number and all(row.state == "delivered" for row in found)

    bridge._until(lambda: rows(store, query), done, 30)


def is_whole(request: Request) -> bool:
    """The killed process sent some in part only."""
    return len(request.body) == int(request.headers["content-length"])


def check_received(receiver: Receiver, made: set[str]) -> None:
    """Of each call every message under one id, and the first of each in their order."""
    came = defaultdict[str, dict[str, str]](dict)
    whole = (each for each in receiver.requests if is_whole(each))
    for request in whole:
        message = json.loads(request.body)["message"]
        kind = f"{message['type']}:{message.get('status')}"
        webhook_id = request.headers["webhook-id"]
        assert came[message["call"]["id"]].setdefault(kind, webhook_id) == webhook_id
    assert came.keys() == made
    for kinds in came.values():
        assert [kind for kind in KINDS if kind in kinds] == list(kinds)
        assert kinds.keys() >= {KINDS[0], *KINDS[-2:]}
