"""The list of what follows from a change of a call, and who may add to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.calls import apply
from app.domain.calls.apply import Change
from app.domain.reactions import Fact, facts
from app.settings import Settings
from providers.events import CallStatus, EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

QUEUED = {Fact.STATUS_CHANGED}
ENDED = {
    Fact.STATUS_CHANGED,
    Fact.REASON_SETTLED,
    Fact.TIMERS_MOVE,
    Fact.LEG_IS_OURS_TO_END,
    Fact.SOCKET_CLOSES,
}


@dataclass
class Watched:
    """The use cases with one more reaction, which notes every change."""

    ours: Domain
    changes: list[Change] = field(default_factory=list)
    known: list[set[Fact]] = field(default_factory=list)
    refuses: EventKind | None = None

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self.known.append(set(facts(change)))
        if self.refuses in change.kinds:
            raise ValueError("not this one")

    def create(self) -> dict[str, Any]:
        return self.ours.create(TWILIO)


@pytest.fixture
def watched(settings: Settings) -> Iterator[Watched]:
    with domain(settings) as (ours, _):
        made = Watched(ours)
        context = replace(ours.context, reactions=(*ours.context.reactions, made))
        made.ours = Domain(context, ours.later, ours.clock)
        yield made


def test_a_new_call_is_a_change_without_a_status_before(watched: Watched) -> None:
    call = watched.create()
    (change,) = watched.changes
    assert (change.tx.call.id, change.before, change.state.status) == (call["id"], None, "queued")
    assert change.kinds == {EventKind.CREATED}
    assert watched.known == [QUEUED]


def test_a_reaction_sees_every_change_and_only_changes(watched: Watched) -> None:
    call = watched.create()
    for _ in range(2):  # the second is the carrier's own re-send
        watched.ours.hear(call, TWILIO, EventKind.LEG_RINGING)
    watched.ours.end(call)
    seen = [(change.before, change.state.status) for change in watched.changes]
    assert seen == [
        (None, CallStatus.QUEUED),
        (CallStatus.QUEUED, CallStatus.RINGING),
        (CallStatus.RINGING, CallStatus.ENDED),
    ]
    assert watched.known[-1] == ENDED


def test_what_a_reaction_raises_undoes_the_change(watched: Watched) -> None:
    call = watched.create()
    watched.refuses = EventKind.LEG_RINGING
    with pytest.raises(ValueError, match="not this one"):
        watched.ours.hear(call, TWILIO, EventKind.LEG_RINGING)
    assert watched.ours.get(call)["status"] == "queued"
    assert EventKind.LEG_RINGING not in watched.ours.kinds(call)


def test_a_callback_that_changes_nothing_concerns_no_feature(watched: Watched) -> None:
    call = watched.create()
    for kind in (EventKind.LEG_RINGING, EventKind.LEG_QUEUED):
        watched.ours.hear(call, TWILIO, kind)
    assert watched.known[1:] == [{Fact.STATUS_CHANGED, Fact.TIMERS_MOVE}, set()]


def test_after_the_report_only_prices_and_recordings_concern_a_call(watched: Watched) -> None:
    call = watched.create()
    watched.ours.end(call)
    price = {"price": {"amount": "0.01", "currency": "USD"}, "durationSeconds": 6}
    for kind, data in (
        (EventKind.LEG_ENDED, {}),
        (EventKind.LEG_CONTINUED, price),
        (EventKind.RECORDED, {}),
    ):
        watched.ours.hear(call, TWILIO, kind, data=data)
    late = [change.late for change in watched.changes]
    assert late == [False, False, True, True, True]
    # A recording that was not asked for is a note.
    assert watched.known[2:] == [set(), {Fact.PRICE_KNOWN}, set()]


def test_apply_imports_no_feature() -> None:
    tree = ast.parse(Path(apply.__file__).read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    domain_modules = {name for name in named if name and name.startswith("app.domain")}
    assert domain_modules == {
        "app.domain.calls",
        "app.domain.calls.record",
        "app.domain.calls.state",
        "app.domain.context",
    }
