"""A due timer of a call's row: it leaves the row with the effect of its action, or stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import default_org
from app.domain.calls import record, timers
from app.domain.calls.apply import Change
from app.domain.calls.record import CallTx
from app.domain.calls.timer_column import Timer
from app.settings import Settings
from providers.events import CallStatus, EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

BYPASS_TTL, JOIN = 300.0, 20


@pytest.fixture
def ours(settings: Settings) -> Iterator[Domain]:
    with domain(replace(settings, bypass_ttl_seconds=BYPASS_TTL, join_timeout_seconds=JOIN)) as (
        made,
        _,
    ):
        yield made


@pytest.fixture
def call(ours: Domain) -> dict[str, Any]:
    return ours.create(TWILIO, phoneCallProviderBypassEnabled=True)


def status(ours: Domain, call: dict[str, Any]) -> str:
    return str(ours.get(call)["status"])


def test_it_fires_when_its_time_has_come_and_once(ours: Domain, call: dict[str, Any]) -> None:
    assert ours.timers(call) == {"no-call": BYPASS_TTL}
    ours.clock.pass_(BYPASS_TTL - 1)
    assert not timers.fire_due(ours.context, call["id"])
    ours.clock.pass_(1)
    assert timers.fire_due(ours.context, call["id"])
    assert status(ours, call) == "ended"
    assert ours.timers(call) == {}
    assert not timers.fire_due(ours.context, call["id"])


def test_one_that_has_nothing_to_do_leaves_the_row(ours: Domain, call: dict[str, Any]) -> None:
    ours.clock.pass_(BYPASS_TTL)
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"], lock=True)
        assert found is not None
        CallTx(ours.context, conn, found).update(timers={"lost": Timer(ours.clock())})
    assert timers.fire_due(ours.context, call["id"])
    assert (status(ours, call), ours.timers(call)) == ("queued", {})


def test_of_several_the_earliest_fires(ours: Domain) -> None:
    call = ours.create(TWILIO, maxDurationSeconds=JOIN + 1)
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    assert ours.timers(call) == {"watchdog": 60, "max-duration": JOIN + 1, "join": JOIN}
    ours.clock.pass_(600)
    assert timers.fire_due(ours.context, call["id"])
    assert ours.get(call)["endedReason"] == "assistant-join-timed-out"


def test_a_deleted_call_has_none(ours: Domain, call: dict[str, Any]) -> None:
    ours.calls.delete(default_org.ORG_ID, call["id"])
    ours.clock.pass_(BYPASS_TTL)
    assert not timers.fire_due(ours.context, call["id"])
    timers.put_off(ours.context, call["id"], 1.0)


def test_a_failed_action_leaves_the_timer(ours: Domain, call: dict[str, Any]) -> None:
    """As a kill before the commit does."""

    def refuse(change: Change) -> None:
        raise LookupError

    ours.clock.pass_(BYPASS_TTL)
    with pytest.raises(LookupError):
        timers.fire_due(replace(ours.context, reactions=(refuse,)), call["id"])
    assert (status(ours, call), ours.timers(call)) == ("queued", {"no-call": 0})
    timers.put_off(ours.context, call["id"], 2.0)
    assert ours.timers(call) == {"no-call": 2}
    assert not timers.fire_due(ours.context, call["id"])
    ours.clock.pass_(2)
    assert timers.fire_due(ours.context, call["id"])
    assert status(ours, call) == "ended"


def test_what_a_newer_version_wrote_is_put_off_unread(ours: Domain, call: dict[str, Any]) -> None:
    ours.clock.pass_(BYPASS_TTL)
    with ours.context.store.write() as conn:
        conn.execute(sa.text("UPDATE calls SET status = 'unheard of'"))
    with pytest.raises(ValueError, match="unheard of"):
        timers.fire_due(ours.context, call["id"])
    timers.put_off(ours.context, call["id"], 2.0)
    assert not due(ours)
    ours.clock.pass_(2)
    assert due(ours) == [call["id"]]


def due(ours: Domain) -> list[str]:
    query = sa.text("SELECT id, next_timer_at FROM calls WHERE next_timer_at <= :now")
    now = int(ours.clock().timestamp() * 1_000_000)
    with ours.context.store.read() as conn:
        return [row.id for row in conn.execute(query, {"now": now})]


@pytest.fixture
def told(ours: Domain) -> Iterator[list[datetime]]:
    """What the thread that fires timers is told."""
    times: list[datetime] = []
    ours.context.timer_wakers.append(times.append)
    yield times
    ours.context.timer_wakers.remove(times.append)


def test_each_commit_that_sets_a_timer_tells_the_next_time(
    ours: Domain, told: list[datetime]
) -> None:
    call = ours.create(TWILIO)
    assert told == [ours.clock() + timedelta(seconds=60)]
    ours.hear(call, TWILIO, EventKind.LEG_RINGING)
    assert len(told) == 1
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    assert told[1:] == [ours.clock() + timedelta(seconds=JOIN)]


def test_a_rolled_back_timer_is_not_told(
    ours: Domain, call: dict[str, Any], told: list[datetime]
) -> None:
    def fail() -> None:
        with ours.context.store.write() as conn:
            found = record.get(conn, call["id"], lock=True)
            assert found is not None
            tx = CallTx(ours.context, conn, found)
            tx.update(timers={"join": Timer(ours.clock())}, status=CallStatus.RINGING)
            tx.write()
            raise LookupError

    told.clear()
    with pytest.raises(LookupError):
        fail()
    assert told == []
    assert ours.timers(call) == {"no-call": BYPASS_TTL}
