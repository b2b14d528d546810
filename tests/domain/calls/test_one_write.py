"""A transaction writes a call's row once, at its end, and only what has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import default_org
from app.domain.calls import record
from app.domain.calls.apply import Change
from app.domain.calls.record import CallTx
from app.domain.reactions import with_row
from app.settings import Settings
from app.store import calls
from providers.events import CallStatus, EndedReason, EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO


@pytest.fixture
def ours(settings: Settings) -> Iterator[Domain]:
    with domain(settings) as (made, _):
        yield made


@pytest.fixture
def call(ours: Domain) -> dict[str, Any]:
    return ours.create(TWILIO, assistant={"server": {"url": "http://127.0.0.1:9/"}})


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The columns of each UPDATE of calls."""
    seen: list[set[str]] = []
    update = calls.update

    def noted(conn: Connection, call_id: str, values: Mapping[str, Any]) -> None:
        seen.append(set(values))
        update(conn, call_id, values)

    monkeypatch.setattr(calls, "update", noted)
    return seen


TIMERS = {"next_timer_at", "timers"}
PRICE = {"price": {"amount": "0.01", "currency": "USD"}}
CALLBACKS: list[tuple[EventKind, dict[str, Any], list[set[str]]]] = [
    (
        EventKind.LEG_RINGING,
        {},
        [{"provider_call_id", "resolved", "status", "updated_at"}],
    ),
    (EventKind.LEG_QUEUED, {}, []),  # a word that changes nothing
    (EventKind.LEG_ANSWERED, {}, [TIMERS | {"started_at", "status", "updated_at"}]),
    (
        EventKind.LEG_ENDED,  # its price changes the body, in another feature
        {"reason": EndedReason.CUSTOMER_BUSY, "data": PRICE},
        [TIMERS | {"body", "ended_at", "ended_reason", "status", "updated_at"}],
    ),
]


def test_each_callback_writes_once(
    ours: Domain, call: dict[str, Any], written: list[set[str]]
) -> None:
    for kind, more, columns in CALLBACKS:
        written.clear()
        ours.clock.pass_(1)
        ours.hear(call, TWILIO, kind, **more)
        assert written == columns, kind


def test_a_new_call_is_inserted_with_its_timers(ours: Domain, written: list[set[str]]) -> None:
    call = ours.create(TWILIO)
    assert written == []
    assert ours.timers(call) == {"watchdog": 60}
    assert [key for key in ours.later.waiting if key.endswith(call["id"])] == [f"dial:{call['id']}"]


def changed(ours: Domain, call: dict[str, Any], change: Callable[[CallTx], None]) -> None:
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"], lock=True)
        assert found is not None
        change(CallTx(ours.context, conn, found))


def stored(conn: Connection, call: dict[str, Any]) -> Any:
    query = sa.text("SELECT status, max_duration FROM calls WHERE id = :id")
    return tuple(conn.execute(query, {"id": call["id"]}).one())


def test_several_changes_are_one_write(
    ours: Domain, call: dict[str, Any], written: list[set[str]]
) -> None:
    def change(tx: CallTx) -> None:
        tx.update(max_duration=1)
        tx.update(status=CallStatus.RINGING, max_duration=2)
        tx.update(facts=tx.call.facts._replace(spoken="Hello."))
        tx.update(facts=tx.call.facts._replace(leg_ref="CA1"))
        assert stored(tx.conn, call) == ("queued", 600)

    changed(ours, call, change)
    assert written == [{"max_duration", "resolved", "status"}]
    with ours.context.store.read() as conn:
        assert stored(conn, call) == ("ringing", 2)
        found = record.get(conn, call["id"])
    assert found is not None
    assert (found.facts.spoken, found.facts.leg_ref) == ("Hello.", "CA1")


def test_what_is_the_same_is_not_written(
    ours: Domain, call: dict[str, Any], written: list[set[str]]
) -> None:
    changed(ours, call, lambda tx: tx.update(max_duration=600, facts=tx.call.facts))
    assert written == []


def test_a_failure_writes_nothing(ours: Domain, call: dict[str, Any]) -> None:
    def change(tx: CallTx) -> None:
        tx.update(max_duration=1)
        raise LookupError

    with pytest.raises(LookupError):
        changed(ours, call, change)
    changed(ours, call, lambda tx: tx.update(status=CallStatus.RINGING))
    with ours.context.store.read() as conn:
        assert stored(conn, call) == ("ringing", 600)


def test_a_query_can_have_the_row_before_the_end(ours: Domain, call: dict[str, Any]) -> None:
    def change(tx: CallTx) -> None:
        tx.update(max_duration=1)
        tx.write()
        assert stored(tx.conn, call) == ("queued", 1)
        tx.update(max_duration=2)

    changed(ours, call, change)
    with ours.context.store.read() as conn:
        assert stored(conn, call) == ("queued", 2)


def test_a_reaction_of_a_plugin_may_query_the_row(ours: Domain, call: dict[str, Any]) -> None:
    seen = []

    def reaction(change: Change) -> None:
        seen.append(stored(change.tx.conn, call)[0])

    context = replace(ours.context, reactions=(*ours.context.reactions, with_row(reaction)))
    Domain(context, ours.later, ours.clock).hear(call, TWILIO, EventKind.LEG_RINGING)
    assert seen == ["ringing"]


def test_a_deleted_call_leaves_no_timer(ours: Domain, call: dict[str, Any]) -> None:
    ours.calls.delete(default_org.ORG_ID, call["id"])
    with ours.context.store.read() as conn:
        assert conn.execute(sa.text("SELECT count(next_timer_at) FROM calls")).scalar() == 0
