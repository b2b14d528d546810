"""Every call that goes on has a timer that will end it, or a job that looks after it.

A call's timers follow from its events. So every sequence of up to three events is tried, without a
store: what the fold and the schedule make of a log is all that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from app.domain.calls import record, schedule, timers
from app.domain.calls.apply import Change, Folded
from app.domain.calls.record import Call, CallTx
from app.domain.calls.state import EVIDENCE, REACHED, fold
from app.domain.calls.timer_column import due_timer
from app.domain.reactions import Fact, facts
from app.settings import Settings
from app.store import events, queue
from providers.events import CallEvent, CallStatus, EndedReason, EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.base import CarrierFake

K, R = EventKind, EndedReason
OURS: dict[EventKind, dict[str, Any]] = {
    K.MEDIA_CONNECTED: {"stream": "a"},
    K.MEDIA_LOST: {"stream": "a"},
    K.MEDIA_STOPPED: {"stream": "a", "reason": R.CUSTOMER_ENDED_CALL, "generic": True},
    K.LEG_CONTINUED: {"key": "question"},
    K.LEG_ENDED: {"reason": R.CUSTOMER_ENDED_CALL, "generic": True},
    K.REATTACHED: {"data": {"streams": ["a"], "answers": "question"}},
    K.FORWARD_STARTED: {"data": {"forward": "f", "destination": CUSTOMER}},
    K.FORWARD_FAILED: {"data": {"forward": "f"}},
    K.FORWARD_ENDED: {"data": {"forward": "f"}, "generic": True},
}
"""What an event of the kind has beside its time."""
MORE: Sequence[tuple[EventKind, dict[str, Any]]] = (
    (K.MEDIA_CONNECTED, {"stream": "b"}),
    (K.MEDIA_LOST, {"stream": "a", "reason": R.SERVER_SHUTDOWN}),
    (K.REATTACHED, {"data": {"streams": [], "forward": "f"}}),  # the document of the forward
    (K.MACHINE_DETECTED, {"reason": R.VOICEMAIL}),
    (K.LEG_ENDED, {"reason": R.CUSTOMER_DID_NOT_ANSWER}),
)
"""Other events of these kinds."""
NEVER = {K.CREATED, K.DUE, K.SETTLED}
"""A call has each of them once, at its beginning and its end."""
MATTERS = EVIDENCE.keys() | REACHED.keys() | schedule.MOVES | schedule.LEG_CAME
"""Of the other kinds neither the fold nor the schedule makes anything."""
ANSWERS = {K.REATTACHED, K.FORWARD_STARTED}
"""We do so in a call that goes on only: it is looked at under its lock."""

LAST = datetime.max.replace(tzinfo=UTC)
"""The time of every timer has come."""

Letter = tuple[EventKind, dict[str, Any]]
ALL: Sequence[Letter] = (*((kind, OURS.get(kind, {})) for kind in K if kind not in NEVER), *MORE)
OF_MATTER: Sequence[Letter] = [letter for letter in ALL if letter[0] in MATTERS]


class InMemory(CallTx):
    """A call without a row. Its connection is its log."""

    def update(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self.call, name, value)


@dataclass(frozen=True)
class Walk:
    """A call, and the log it has so far."""

    ours: Domain
    call: Call
    log: Sequence[CallEvent]

    @property
    def tx(self) -> InMemory:
        return InMemory(self.ours.context, cast("Any", self.log), self.call)

    def with_(self, letter: Letter) -> Walk:
        """It, after one more event."""
        kind, fields = letter
        at = self.log[-1].at + timedelta(seconds=1)
        event = CallEvent(kind, at, **{"key": f"{kind}:{len(self.log)}", **fields})
        then = Walk(self.ours, record.copy_of(self.call), [*self.log, event])
        state = known(then.tx).state
        if state.status is CallStatus.ENDED and not state.provisional:
            state = state._replace(settled=True)
        change = Change(then.tx, self.call.status, state, [event], then.log)
        then.tx.update(status=state.status, settled_at=at if state.settled else None)
        if Fact.TIMERS_MOVE in facts(change):
            schedule.set_timers(change)
        return then

    def is_looked_after(self) -> bool:
        """Whether its timers, as their times come, end the call or give it to a job."""
        last, jobs = Walk(self.ours, record.copy_of(self.call), self.log), self.ours.later.waiting
        jobs.clear()
        while last.call.settled_at is None and not jobs:
            name = due_timer(last.call.timers, LAST)
            if last.call.timers is None or name is None:
                return False
            timer = last.call.timers[name]
            schedule.stop(last.tx, name)
            timers._act(last.tx, name, timer.reattached)
        return True


def known(tx: CallTx) -> Folded:
    log = cast("Any", tx.conn)
    return Folded(log, fold(log, tx.carrier.never_answered))


def end(tx: CallTx, *_: object) -> None:
    """What a timer has done about the call is enough, whatever it was."""
    tx.update(settled_at=LAST)


@pytest.fixture(params=FAKES.values(), ids=lambda each: each.name)
def carrier(request: pytest.FixtureRequest) -> CarrierFake:
    found: CarrierFake = request.param
    return found


@pytest.fixture
def ours(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Domain]:
    """The use cases, whose timers neither read nor write a store."""
    for action in ("apply_events", "request_end", "finalize"):
        monkeypatch.setattr(timers, action, end)
    monkeypatch.setattr(timers, "folded", known)
    monkeypatch.setattr(queue, "get", lambda *_: None)
    monkeypatch.setattr(events, "last_received", lambda *_: None)
    with domain(settings) as (made, _):
        yield made


def begun(ours: Domain, carrier: CarrierFake, how: str) -> Walk:
    """A new call. A scheduled one is dialled now, and the leg of one that arrived has made it."""
    at = (ours.clock() + timedelta(hours=1)).isoformat()
    fields = {"phoneCallProviderBypassEnabled": True} if how in {"bypass", "arrived"} else {}
    plan = {"schedulePlan": {"earliestAt": at}} if how == "scheduled" else {}
    made = ours.create(carrier, **fields, **plan)
    with ours.context.store.read() as conn:
        call, log = record.get(conn, made["id"]), events.of_call(conn, made["id"])
    assert call is not None
    walk = Walk(ours, call, log)
    ours.clock.pass_(10.0**6)  # of which no event tells: the watchdog is not put off
    if how == "arrived":
        call.timers = schedule.first_timers(ours.context, call, arrived=True)
        return walk.with_((K.LEG_FETCHED, {}))
    if how == "scheduled":
        assert walk.is_looked_after()
        return walk.with_((K.DUE, {}))
    return walk


def forsaken(walk: Walk, letters: Sequence[Letter], depth: int) -> Iterator[str]:
    """The sequences after which nothing waits for the call."""
    if not walk.is_looked_after():
        yield " ".join(event.kind for event in walk.log)
        return
    if depth == 0 or walk.call.settled_at is not None:
        return
    for letter in letters:
        if letter[0] not in ANSWERS or walk.call.status is not CallStatus.ENDED:
            yield from forsaken(walk.with_(letter), letters, depth - 1)


@pytest.mark.parametrize("how", ["bypass", "dialled", "scheduled", "arrived"])
def test_no_call_is_forsaken(ours: Domain, carrier: CarrierFake, how: str) -> None:
    assert list(forsaken(begun(ours, carrier, how), ALL, 2)) == []


@pytest.mark.parametrize("how", ["bypass", "dialled"])
def test_nor_after_three_events(ours: Domain, carrier: CarrierFake, how: str) -> None:
    """Of the kinds that the fold and the schedule know."""
    assert list(forsaken(begun(ours, carrier, how), OF_MATTER, 3)) == []
