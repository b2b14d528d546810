"""Requests that share a commit: each is answered as if it were alone, and sees its own rows only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.store import accounts
from app.store.engine import Store
from app.store.vault import digest, new_token
from tests.bridge import Bridge
from tests.e2e.test_killed import QUIET, order, say
from tests.e2e.test_taken_over import waits
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver
from tests.spawner import WarmBridge
from tests.store.rows import add_org, key_row

SEATS = 2
UNKNOWN = str(uuid4())
KEY = "Idempotency-Key"
THEIR_NUMBER = {
    "provider": "twilio",
    "number": "+14155550177",
    "twilioAccountSid": "AC" + "b" * 32,
    "twilioAuthToken": "the other organisation's own secret",
}

Ask = Callable[[], Any]


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """A bridge with few seats."""
    with WarmBridge(database_url, tmp_path, MAX_CONCURRENT_CALLS=str(SEATS), **QUIET) as running:
        yield running


def together(store: Store, bridge: Bridge, asks: Sequence[Ask]) -> list[Any]:
    """The answers to requests that come at once. On SQLite they stand in line for one commit."""
    with ThreadPoolExecutor(len(asks)) as pool:
        with ExitStack() as stack:
            if store._group:
                stack.enter_context(store._group.alone())
            answers = [pool.submit(ask) for ask in asks]
            if store._group:
                bridge._until(lambda: waits(store, bridge), bool, 60)
        return [answer.result() for answer in answers]


def alone(store: Store, bridge: Bridge, asks: Sequence[Ask]) -> list[Any]:
    return [ask() for ask in asks]


@pytest.mark.parametrize("come", [alone, together])
def test_some_are_refused(
    store: Store, small: Bridge, receiver: Receiver, come: Callable[..., list[Any]]
) -> None:
    body, used, new = order(small, receiver), {KEY: "used"}, {KEY: "new"}
    known = [created(small, body) for _ in range(3)]
    known.append(small.ask("POST", "/call", body, used)[1])
    gone = created(small, body)
    small.api("DELETE", f"/call/{gone['id']}", expect=200)
    ask = partial(small.ask, "POST", "/call")
    answers = come(
        store,
        small,
        [
            *(partial(say, small, call, "ringing") for call in known),
            partial(say, small, gone, "ringing"),
            *[partial(ask, body, new)] * 3,
            partial(ask, body | {"name": "other"}, used),
            partial(ask, body | {"phoneNumberId": UNKNOWN}),
            partial(small.ask, "PATCH", f"/call/{UNKNOWN}", {"name": "other"}),
            partial(ask, body),
        ],
    )
    assert answers[:5] == [204] * 5
    twins, others = answers[5:8], answers[8:]
    assert [status for status, _ in answers[5:]] == [201, 201, 201, 409, 400, 404, 201]
    assert twins == [twins[0]] * 3
    made = {call["id"] for call in (*known, twins[0][1], others[-1][1])}
    assert call_ids(small) == made
    assert {small.call(call["id"])["status"] for call in known} == {"ringing"}


def test_some_find_no_seat(store: Store, small: Bridge, receiver: Receiver) -> None:
    """A leg without a seat is refused within its transaction. Callbacks need none."""
    body = order(small, receiver)
    known = [created(small, body) for _ in range(3)]
    assistant = small.api("POST", "/assistant", body["assistant"], expect=201)
    arrival = partial(arrives, small, assistant["id"])
    asks = [partial(say, small, call, "ringing") for call in known]
    answers = together(store, small, [*asks, *[arrival] * (SEATS + 3)])
    assert answers[:3] == [204] * 3
    assert Counter(answers[3:]) == {True: SEATS, False: 3}
    assert {small.call(call["id"])["status"] for call in known} == {"ringing"}
    ends = Counter(call.get("endedReason") for call in small.api("GET", "/call"))
    assert ends == {None: 3 + SEATS, "no-server-available": 3}


def arrives(bridge: Bridge, assistant_id: str) -> bool:
    """A caller's leg; whether it got a seat."""
    path = f"/twilio/inbound_call?assistantId={assistant_id}"
    status, document = TWILIO.send(bridge, path, TWILIO.arrival(TWILIO.new_ref()))
    assert status == 200
    return "<Stream" in document


def created(bridge: Bridge, body: Any) -> Any:
    return bridge.api("POST", "/call", body, expect=201)


def call_ids(bridge: Bridge, headers: Mapping[str, str] | None = None) -> set[str]:
    status, found = bridge.ask("GET", "/call", headers=headers)
    assert status == 200
    return {call["id"] for call in found}


# ------------------------------------------------------------------ two organisations


def test_two_organisations(store: Store, small: Bridge, receiver: Receiver) -> None:
    """Both make calls at once, even under the same idempotency keys."""
    theirs = {"Authorization": f"Bearer {other_key(store)}"}
    status, number = small.ask("POST", "/phone-number", THEIR_NUMBER, theirs)
    assert status == 201
    with Receiver() as their_receiver:
        their_body = order(small, their_receiver) | {"phoneNumberId": number["id"]}
        body, keys = order(small, receiver), [{KEY: str(number)} for number in range(4)]
        pairs = [(partial(small.ask, "POST", "/call"), key) for key in keys]
        asks: list[Ask] = []
        for ask, key in pairs:
            asks += [partial(ask, body, key), partial(ask, their_body, theirs | key)]
        answers = together(store, small, asks)
        assert {status for status, _ in answers} == {201}
        ours_made, their_made = ([call for _, call in answers[at::2]] for at in (0, 1))
        receiver.wait(4)
        their_receiver.wait(4)
        check_receivers(receiver, ours_made)
        check_receivers(their_receiver, their_made)
    assert call_ids(small) == {call["id"] for call in ours_made}
    assert call_ids(small, theirs) == {call["id"] for call in their_made}
    strangers = [partial(small.ask, "GET", f"/call/{call['id']}") for call in their_made]
    asks = [
        *strangers,
        *(partial(say, small, call, "ringing") for call in (*ours_made, *their_made)),
    ]
    answers = together(store, small, asks)
    assert {status for status, _ in answers[:4]} == {404}
    assert answers[4:8] == [204] * 4
    assert set(answers[8:]) == {403}  # signed with another organisation's account
    for call in their_made:
        assert small.ask("GET", f"/call/{call['id']}", headers=theirs)[1]["status"] == "queued"


def other_key(store: Store) -> str:
    """An API key of another organisation."""
    key = new_token()
    with store.write() as conn:
        accounts.insert_key(conn, key_row(add_org(conn), digest=digest(key)))
    return key


def check_receivers(receiver: Receiver, made: Sequence[Any]) -> None:
    told = {json.loads(each.body)["message"]["call"]["id"] for each in receiver.requests}
    assert told == {call["id"] for call in made}
