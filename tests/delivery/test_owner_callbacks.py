"""Passing the owner's callbacks on: order, retries, and what is told of a failure."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.delivery.owner_callbacks import AT_ONCE, LATER_SECONDS, RECEIVERS, SCHEDULE, OwnerCallbacks
from app.domain.context import Context
from app.settings import Settings
from app.store import owner_callbacks
from app.store.engine import Store
from app.store.messages import receiver_of
from app.store.vault import Vault
from tests.delivery.rows import new_call
from tests.delivery.test_dispatcher import context_of
from tests.domain.use_cases import Clock
from tests.fakes.client_server import Receiver, Reply

SECRET = "the signature of the carrier"


class World:
    """A call, its callbacks, and what passes them on, in the clock's time."""

    def __init__(self, store: Store, vault: Vault, settings: Settings) -> None:
        self.clock = Clock()
        self.store = store
        self.context: Context = context_of(store, vault, settings, now=self.clock)
        self.org_id, self.call_id = new_call(store)
        self.counted: list[str] = []
        self.passing = OwnerCallbacks(self.context, self.counted.append)

    def put(self, key: str, url: str, lane: str = "one", **more: Any) -> None:
        now = self.clock()
        values = {
            "org_id": self.org_id,
            "provider": "carrier",
            "lane": lane,
            "key": key,
            "call_ref": lane,
            "leg_ref": lane,
            "call_id": self.call_id,
            "signers": [],
            "method": "POST",
            "signed_url": f"https://bridge.example.com/carrier/status?{key}",
            "secret": self.context.vault.seal({"headers": [["x-signature", SECRET]], "body": key}),
            "url": url,
            "receiver": receiver_of(url),
            "state": "pending",
            "attempts": 0,
            "next_at": now,
            "created_at": now,
            "updated_at": now,
            **more,
        }
        with self.store.write() as conn:
            assert owner_callbacks.insert(conn, values)

    def run(self, url: str) -> float | None:
        return self.passing.run({"receiver": receiver_of(url)})

    def states(self) -> dict[str, str]:
        with self.store.read() as conn:
            return {r["key"]: r["state"] for r in owner_callbacks.of_call(conn, self.call_id)}

    def row(self, key: str) -> dict[str, Any]:
        with self.store.read() as conn:
            return next(r for r in owner_callbacks.of_call(conn, self.call_id) if r["key"] == key)


@pytest.fixture
def world(store: Store, vault: Vault, settings: Settings) -> World:
    return World(store, vault, settings)


def bodies(receiver: Receiver) -> list[str]:
    return [each.body.decode() for each in receiver.requests]


def test_the_order_of_a_call(world: World, receiver: Receiver) -> None:
    keys = [f"{number}" for number in range(2 * AT_ONCE)]
    for key in keys:
        world.put(key, receiver.url)
    assert world.run(receiver.url) is None
    assert bodies(receiver) == keys
    assert set(world.states().values()) == {"delivered"}
    assert world.counted == ["delivered"] * len(keys)


def test_a_failed_one_holds_those_of_its_call_alone(world: World, receiver: Receiver) -> None:
    receiver.script(500)
    world.put("first", receiver.url)
    wait = world.run(receiver.url)
    assert wait is not None
    assert 0.8 * SCHEDULE[1] <= wait <= 1.2 * SCHEDULE[1]
    world.put("second", receiver.url)
    world.put("other", receiver.url, lane="two")
    assert world.run(receiver.url) == wait
    assert bodies(receiver) == ["first", "other"]
    world.clock.pass_(wait)
    assert world.run(receiver.url) is None
    assert bodies(receiver)[2:] == ["first", "second"]
    ids = [each.headers["webhook-id"] for each in receiver.requests]
    assert ids == ["one-first", "two-other", "one-first", "one-second"]


def test_those_held_back_are_due_with_it(world: World, receiver: Receiver) -> None:
    """Else each look would pass over all of them while the owner's server is away."""
    receiver.script(500)
    keys = ["first", "second", "third"]
    for key in keys:
        world.put(key, receiver.url)
    wait = world.run(receiver.url)
    assert wait is not None
    assert len({world.row(key)["next_at"] for key in keys}) == 1
    assert world.row("first")["next_at"] > world.clock()
    world.clock.pass_(wait)
    assert world.run(receiver.url) is None
    assert bodies(receiver) == ["first", *keys]


def test_another_server_s_does_not_wait_for_it(world: World, receiver: Receiver) -> None:
    """Such as that of another number: no job of its own would come for it later."""
    receiver.script(500)
    world.put("first", receiver.url)
    assert world.run(receiver.url) is not None
    elsewhere = receiver.url.replace("127.0.0.1", "localhost")
    world.put("second", elsewhere)
    assert world.run(elsewhere) is None
    assert world.states() == {"first": "pending", "second": "delivered"}


@pytest.mark.parametrize("status", [500, 404, 302])
def test_it_is_given_up_and_told(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    receiver.reply = status
    world.put("first", receiver.url)
    world.put("second", receiver.url)
    while (wait := world.run(receiver.url)) is not None:
        world.clock.pass_(wait)
    assert bodies(receiver) == ["first"] * len(SCHEDULE) + ["second"], "it is too old for more"
    assert set(world.states().values()) == {"failed"}
    assert world.counted == ["failed"] * 2
    row = world.row("first")
    assert (row["status_code"], row["attempts"]) == (status, len(SCHEDULE))
    assert f"the answer is {status}" in row["error"]
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("gave up" in line for line in told) == 2


@pytest.mark.parametrize("hours", [3, 12])
def test_one_that_nobody_could_send_gets_all_its_attempts(
    world: World, receiver: Receiver, hours: float
) -> None:
    """This process was down, its machine slept, or its clock was set."""
    receiver.reply = 500
    world.put("first", receiver.url)
    world.clock.pass_(hours * 3600)
    while (wait := world.run(receiver.url)) is not None:
        world.clock.pass_(wait)
    assert bodies(receiver) == ["first"] * len(SCHEDULE)


def test_gone_ends_it_at_once(world: World, receiver: Receiver) -> None:
    receiver.script(410)
    world.put("first", receiver.url)
    world.put("second", receiver.url)
    assert world.run(receiver.url) is None
    assert world.states() == {"first": "failed", "second": "delivered"}


def test_the_queries_of_both_stand_beside_each_other(world: World, receiver: Receiver) -> None:
    world.put("first", f"{receiver.url}?theirs=1")
    world.run(receiver.url)
    (came,) = receiver.requests
    assert came.path == "/hook?theirs=1&first"
    assert came.headers["x-signature"] == SECRET
    assert came.headers["x-forwarded-url"] == "https://bridge.example.com/carrier/status?first"


def test_a_fragment_swallows_no_query(world: World, receiver: Receiver) -> None:
    world.put("first", f"{receiver.url}?theirs=1#top")
    world.run(receiver.url)
    (came,) = receiver.requests
    assert came.path == "/hook?theirs=1&first"


def test_a_wait_that_no_number_holds_is_none(world: World, receiver: Receiver) -> None:
    """A job that fails by an answer would send all of this receiver's again and again."""
    endless = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
    receiver.script(Reply(503, {"Retry-After": endless}))
    world.put("first", receiver.url)
    wait = world.run(receiver.url)
    assert wait is not None
    assert 0.8 * SCHEDULE[1] <= wait <= 1.2 * SCHEDULE[1]


def test_what_is_over_stays_so(world: World, receiver: Receiver) -> None:
    """A job that lost its lease ends after the one that took its place."""
    receiver.script(500)
    world.put("first", receiver.url)
    late = world.passing._try(world.row("first"))
    assert late.state == "pending"
    assert world.run(receiver.url) is None
    world.put("second", receiver.url)
    world.passing._store([late])
    assert world.states()["first"] == "delivered"
    assert world.run(receiver.url) is None
    assert bodies(receiver) == ["first", "first", "second"]


def test_a_private_address_is_not_called(
    store: Store, vault: Vault, settings: Settings, receiver: Receiver
) -> None:
    world = World(store, vault, replace(settings, allow_private_server_urls=False))
    world.put("first", receiver.url)
    assert world.run(receiver.url) is not None
    assert receiver.requests == []
    assert "port" in world.row("first")["error"]


def test_a_server_that_hangs_has_one_job(world: World, receiver: Receiver) -> None:
    """The next receiver after some such comes later, so that workers are left."""
    world.put("first", receiver.url)
    world.passing._busy |= {f"hangs{number}" for number in range(RECEIVERS)}
    assert world.run(receiver.url) == LATER_SECONDS
    assert receiver.requests == []


def test_a_receiver_that_answers_slowly_holds_no_other_call(
    world: World, receiver: Receiver
) -> None:
    receiver.script(Reply(500, {"Retry-After": "9"}))
    world.put("first", receiver.url)
    world.put("second", receiver.url, lane="two")
    wait = world.run(receiver.url)
    assert wait == pytest.approx(9.0)
    assert sorted(bodies(receiver)) == ["first", "second"]


def test_a_result_that_was_not_stored_is_made_again(world: World, receiver: Receiver) -> None:
    """As after a kill: the receiver knows it by its id."""
    world.put("first", receiver.url)
    row = world.row("first")
    assert world.passing._try(row).state == "delivered"
    assert world.run(receiver.url) is None
    assert {each.headers["webhook-id"] for each in receiver.wait(2)} == {"one-first"}


def test_one_that_cannot_be_read_holds_up_no_other_call(world: World, receiver: Receiver) -> None:
    """Such as with another SECRET_KEY, or of a version that writes other fields."""
    world.put("sealed", receiver.url, secret=Vault(("another key of the tests",)).seal({}))
    world.put("broken", receiver.url, lane="two", secret=world.context.vault.seal({"x": 1}))
    world.put("good", receiver.url, lane="three")
    assert world.run(receiver.url) is not None
    assert bodies(receiver) == ["good"]
    assert world.states() == {"sealed": "pending", "broken": "pending", "good": "delivered"}


def test_old_ones_are_swept(world: World, receiver: Receiver) -> None:
    old = world.clock() - timedelta(hours=2)
    world.put("bound", receiver.url, state="delivered", created_at=old)
    world.put("pending", receiver.url, created_at=old)
    world.put("unbound", receiver.url, state="delivered", call_id=None, created_at=old)
    with world.store.write() as conn:
        late = owner_callbacks.old(conn, world.clock() - timedelta(hours=1), 9, is_unbound=True)
        owner_callbacks.delete(conn, late)
        assert len(late) == 1
        every = owner_callbacks.old(conn, world.clock(), 9, is_unbound=False)
    assert len(every) == 1
    assert world.states() == {"bound": "delivered", "pending": "pending"}
