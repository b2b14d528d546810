"""One of two processes is killed in the middle of its work: the other takes it over."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.store.engine import Store
from app.store.schema import calls, messages, to_micros
from tests.bridge import Bridge
from tests.e2e.test_killed import QUIET, half_a_minute_later, is_whole, order, rows, say
from tests.fakes.client_server import Receiver, Reply
from tests.spawner import WarmBridge

CALLS = 6
REPORT = "end-of-call-report"
REASON = "phone-call-provider-bypass-enabled-but-no-call-received"


@pytest.fixture
def two(database_url: str, tmp_path: Path) -> Iterator[tuple[Bridge, Bridge]]:
    """The first is started, and does the work that one process does. The second is not."""
    one, other = (
        WarmBridge(database_url, tmp_path, BYPASS_TTL_SECONDS="600", **QUIET) for _ in range(2)
    )
    with one:
        yield one, other


def created(bridge: Bridge, receiver: Receiver) -> Any:
    return bridge.api("POST", "/call", order(bridge, receiver), expect=201)


def ids(receiver: Receiver, call: Any) -> list[str]:
    """The ids of the messages about the call, in the order of their arrival."""
    return [
        each.headers["webhook-id"] for each in receiver.requests if call["id"].encode() in each.body
    ]


def end(bridge: Bridge, *made: Any) -> None:
    """Each of the calls ends, and so do its messages."""
    for call in made:
        assert say(bridge, call, "busy", 9) == 204
    for call in made:
        assert bridge.until(call["id"], "ended")["endedReason"] == "customer-busy"
        told = bridge.until_delivered(call["id"], 3)
        assert [each["state"] for each in told] == ["delivered"] * 3


def test_messages_that_the_killed_process_was_sending(
    store: Store, two: tuple[Bridge, Bridge], receiver: Receiver
) -> None:
    one, other = two
    receiver.script(Reply(silent=True), Reply(silent=True))
    held = [created(one, receiver) for _ in range(2)]
    before = [each.headers["webhook-id"] for each in receiver.wait(2)]
    with other:
        if not store.is_sqlite:
            check_lease(store, one, other, receiver)
        one.kill()
        half_a_minute_later(store)
        end(other, *held)
    for call in held:
        first, again, *_ = ids(receiver, call)
        assert first == again
        assert first in before


def check_lease(store: Store, one: Bridge, other: Bridge, receiver: Receiver) -> None:
    """The other process sends its own message, and none that is leased to the one."""
    until = [row.leased_until for row in rows(store, sa.select(messages.c.leased_until))]
    assert all(each and each > datetime.now(UTC) for each in until)
    assert one.process is not None
    os.killpg(one.process.pid, signal.SIGSTOP)
    its = created(other, receiver)
    receiver.wait_for(lambda _: bool(ids(receiver, its)))
    assert len(receiver.requests) == 3


def test_messages_that_a_killed_worker_was_sending(
    store: Store, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Gunicorn starts another worker in its place."""
    receiver.script(Reply(silent=True))
    with WarmBridge(database_url, tmp_path, WEB_CONCURRENCY="2", **QUIET) as bridge:
        call = created(bridge, receiver)
        receiver.wait(1)
        os.kill(sender(bridge, receiver), signal.SIGKILL)
        half_a_minute_later(store)
        receiver.wait(2)
        end(bridge, call)
    first, again, *_ = ids(receiver, call)
    assert first == again


def sender(bridge: Bridge, receiver: Receiver) -> int:
    """The worker that is connected to the receiver."""
    (found,) = (pid for pid in workers(bridge) if sockets_of(pid) & sockets_to(receiver.port))
    return int(found)


def workers(bridge: Bridge) -> list[str]:
    """Their process ids."""
    assert bridge.process is not None
    master = bridge.process.pid
    return Path(f"/proc/{master}/task/{master}/children").read_text().split()


def sockets_to(port: int) -> set[str]:
    """https://docs.kernel.org/networking/proc_net_tcp.html"""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in table if row[2].endswith(f":{port:04X}")}


def sockets_of(pid: str) -> set[str]:
    return {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}


# ------------------------------------------------------------------ timers


@contextmanager
def no_action(store: Store) -> Iterator[None]:
    """No timer's action gets through its transaction."""
    if store._group:
        with store._group.alone():
            yield
    else:
        with store.engine.begin() as conn:
            conn.exec_driver_sql("LOCK TABLE call_events IN EXCLUSIVE MODE")
            yield


def due_now(store: Store, bridge: Bridge) -> None:
    """The time of every call's timer comes, and the process is about to act."""
    past = datetime(2020, 1, 1, tzinfo=UTC)
    timers = {"no-call": {"due": to_micros(past)}}
    with store.engine.begin() as conn:
        conn.execute(calls.update().values(timers=timers, next_timer_at=past))
    bridge._until(lambda: waits(store, bridge), bool, 60)


def waits(store: Store, bridge: Bridge) -> bool:
    """Whether the process waits for who holds up all actions."""
    if store.is_sqlite:
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        waiting = {row[5] for row in locks if row[1] == "->"}
        return not waiting.isdisjoint(workers(bridge))
    blocked = sa.text(
        "SELECT 1 FROM pg_locks WHERE relation = 'call_events'::regclass AND NOT granted"
    )
    with store.engine.connect() as conn:
        return conn.execute(blocked).first() is not None


@pytest.mark.parametrize("who", ["the next start", "the other process"])
def test_timers_that_the_killed_process_was_firing(
    store: Store, two: tuple[Bridge, Bridge], receiver: Receiver, who: str
) -> None:
    one, other = two
    made = [created(one, receiver) for _ in range(CALLS)]
    with ExitStack() as stack:
        if who == "the other process":
            stack.enter_context(other)
        with no_action(store):
            due_now(store, one)
            one.kill()
        half_a_minute_later(store)
        if who == "the next start":
            other = one
            one.start()
        for call in made:
            assert other.until(call["id"], "ended")["endedReason"] == REASON
            told = other.until_delivered(call["id"], 3)
            assert [each["type"] for each in told] == [*["status-update"] * 2, REPORT]
            assert reports(receiver, call) == {told[-1]["id"]}


def reports(receiver: Receiver, call: Any) -> set[str]:
    """The ids under which the call's report came."""
    messages = [
        (each, json.loads(each.body)["message"]) for each in receiver.requests if is_whole(each)
    ]
    return {
        request.headers["webhook-id"]
        for request, message in messages
        if message["type"] == REPORT and message["call"]["id"] == call["id"]
    }
