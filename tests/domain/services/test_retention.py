"""Old calls are deleted in short steps, and no others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.services import retention
from app.domain.services.retention import PAUSE_SECONDS, SWEEP, SWEEP_SECONDS
from app.settings import Settings
from app.store import calls
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.twilio import TWILIO

DAY = 86_400.0


@pytest.fixture
def ours(settings: Settings) -> Iterator[Domain]:
    with domain(replace(settings, call_retention_days=1), rest=False) as (made, _):
        yield made


def created(ours: Domain, *, settled: bool = True) -> str:
    call = ours.create(TWILIO, phoneCallProviderBypassEnabled=True)
    if settled:
        with ours.context.store.write() as conn:
            ended: dict[str, Any] = {"status": "ended", "settled_at": ours.clock()}
            calls.update(conn, call["id"], ended)
    return str(call["id"])


def kept(ours: Domain, *ids: str) -> list[str]:
    with ours.context.store.read() as conn:
        return [id for id in ids if calls.get(conn, id)]


def test_old_calls_go_and_no_others(ours: Domain) -> None:
    old, open_ = created(ours), created(ours, settled=False)
    ours.clock.pass_(DAY / 2)
    young = created(ours)
    ours.clock.pass_(DAY / 2 + 1)
    assert retention.sweep(ours.calls, {}) == PAUSE_SECONDS
    assert kept(ours, old, open_, young) == [open_, young]
    assert retention.sweep(ours.calls, {}) == SWEEP_SECONDS
    assert kept(ours, open_, young) == [open_, young]


def test_what_belongs_to_a_call_goes_as_with_its_deletion(
    ours: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased = list[str]()
    monkeypatch.setattr(ours.calls, "erase", lambda conn, call: erased.append(call.id))
    old = created(ours)
    ours.clock.pass_(DAY + 1)
    retention.sweep(ours.calls, {})
    assert erased == [old]


@pytest.mark.parametrize(("most", "seconds", "left"), [(2, math.inf, 1), (100, 0.0, 2)])
def test_a_step_is_short(
    ours: Domain, monkeypatch: pytest.MonkeyPatch, most: int, seconds: float, left: int
) -> None:
    """In calls and in time."""
    monkeypatch.setattr(retention, "STEP_CALLS", most)
    monkeypatch.setattr(retention, "STEP_SECONDS", seconds)
    ids = [created(ours) for _ in range(3)]
    ours.clock.pass_(DAY + 1)
    assert retention.sweep(ours.calls, {}) == PAUSE_SECONDS
    assert len(kept(ours, *ids)) == left


def test_without_the_setting_nothing_goes(ours: Domain) -> None:
    """Also when an earlier start had it, and queued the job."""
    old = created(ours)
    ours.clock.pass_(DAY * 1000)
    settings = replace(ours.context.settings, call_retention_days=0)
    ours.calls.context = replace(ours.context, settings=settings)
    assert retention.sweep(ours.calls, {}) is None
    assert kept(ours, old) == [old]
    ours.later.waiting.clear()
    retention.schedule_sweep(ours.calls.context)
    assert ours.later.waiting == {}
    retention.schedule_sweep(ours.context)
    assert ours.later.waiting == {SWEEP: (SWEEP, 0.0)}
