"""Scheduled calls: dialled once, at their time, or ended with the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import default_org
from app.domain.calls import schedule_plan, timers
from app.domain.context import iso
from app.domain.errors import Invalid
from app.domain.legs import outbound, scheduled
from app.settings import Settings
from app.store import dial_limits
from app.store.call_lists import CallFilter
from providers.events import EndedReason
from tests.domain.legs.test_outbound import each_carrier, outcome, run
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.carriers.twilio import TWILIO


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(settings) as made:
        yield made


def plan(ours: Domain, begins: float = 3600, ends: float | None = None) -> dict[str, Any]:
    """Seconds from now."""
    moments = {"earliestAt": begins, "latestAt": ends}
    now = ours.clock()
    return {n: iso(now + timedelta(seconds=s)) for n, s in moments.items() if s is not None}


def create(ours: Domain, carrier: CarrierFake = TWILIO, **plan_: Any) -> dict[str, Any]:
    return ours.create(carrier, schedulePlan=plan(ours, **plan_))


def come(ours: Domain, call: dict[str, Any], seconds: float = 3600) -> None:
    """Its time comes, and the timer fires."""
    ours.clock.pass_(seconds)
    assert timers.fire_due(ours.context, call["id"])


@each_carrier
def test_it_waits_and_is_dialled_once_at_its_time(
    both: tuple[Domain, RestApi], carrier: CarrierFake
) -> None:
    ours, api = both
    call = create(ours, carrier)
    assert outcome(call) == ("scheduled", None)
    assert call["schedulePlan"] == {"earliestAt": "2026-11-23T13:00:00.000Z"}
    assert (ours.timers(call), ours.later.waiting) == ({"due": 3600.0}, {})
    come(ours, call)
    assert ours.later.waiting[f"start-scheduled:{call['id']}"] == ("start-scheduled", 0.0)
    assert [run(scheduled, ours, call) for _ in range(2)] == [None, None]
    assert outcome(ours.get(call)) == ("queued", None)
    assert "watchdog" in ours.timers(call)
    api.replies["POST"] = [carrier.accepted]
    assert [run(outbound, ours, call) for _ in range(2)] == [None, None]
    assert len(api.asked) == 1
    assert ours.kinds(call)[:2] == ["call.created", "call.due"]


def test_its_tokens_are_good_when_it_is_dialled(both: tuple[Domain, RestApi]) -> None:
    ours, _ = both
    call = create(ours)
    before = ours.tokens(call)
    come(ours, call)
    run(scheduled, ours, call)
    assert ours.tokens(call).media != before.media
    assert ours.tokens(call).callback


def test_its_server_learns_each_status(both: tuple[Domain, RestApi]) -> None:
    ours, _ = both
    call = ours.create(
        TWILIO, assistant={"serverUrl": "http://127.0.0.1:9/"}, schedulePlan=plan(ours)
    )
    come(ours, call)
    run(scheduled, ours, call)
    sent = ours.calls.messages(default_org.ORG_ID, call["id"])
    assert [each["body"]["message"]["status"] for each in sent] == ["scheduled", "queued"]


def test_one_that_finds_no_slot_waits_and_then_ends(settings: Settings) -> None:
    with domain(replace(settings, max_concurrent_calls=1)) as (ours, _):
        call = create(ours, begins=60, ends=120)
        other = ours.create(TWILIO)  # a scheduled call holds no slot
        come(ours, call, 60)
        assert run(scheduled, ours, call) == scheduled.AGAIN_SECONDS
        ours.clock.pass_(61)
        assert run(scheduled, ours, call) is None
        ended = ours.get(call)
        assert outcome(ended) == ("ended", EndedReason.NO_SERVER_AVAILABLE)
        assert "MAX_CONCURRENT_CALLS" in ended["endedMessage"]
        assert outcome(ours.get(other)) == ("queued", None)


def test_one_whose_time_passed_while_nothing_ran_is_not_dialled(
    both: tuple[Domain, RestApi],
) -> None:
    ours, api = both
    call = create(ours)
    come(ours, call, 3600 + schedule_plan.PATIENCE.total_seconds() + 1)
    assert run(scheduled, ours, call) is None
    ended = ours.get(call)
    assert outcome(ended) == ("ended", EndedReason.SERVER_SHUTDOWN)
    assert ended["endedMessage"] == scheduled.MISSED
    assert run(outbound, ours, call) is None
    assert api.asked == []


@pytest.mark.parametrize("way", [Domain.end, Domain.delete])
def test_one_that_is_cancelled_is_never_dialled(both: tuple[Domain, RestApi], way: Any) -> None:
    """Also when its time came just before."""
    ours, api = both
    call = create(ours)
    come(ours, call)
    way(ours, call)
    run(scheduled, ours, call)
    run(outbound, ours, call)
    assert api.asked == []
    assert f"dial:{call['id']}" not in ours.later.waiting


def test_the_hours_limit_counts_it_when_it_is_due(settings: Settings) -> None:
    with domain(replace(settings, dial_limit_per_hour=1)) as (ours, _):
        first, second = create(ours), create(ours)
        ours.create(TWILIO)
        ours.clock.pass_(3600)
        for call, wait in ((first, None), (second, scheduled.AGAIN_SECONDS)):
            timers.fire_due(ours.context, call["id"])
            assert run(scheduled, ours, call) == wait
        ours.end(second)
        with ours.context.store.read() as conn:  # what was never taken is not given back
            used = dial_limits.buckets(conn, default_org.ORG_ID)
        assert used.calls > ours.clock()


def test_it_is_listed_by_its_status(both: tuple[Domain, RestApi]) -> None:
    ours, _ = both
    call = create(ours)
    ours.create(TWILIO)
    wanted = CallFilter({"status": "scheduled"}, [], 10)
    found = ours.calls.list(default_org.ORG_ID, wanted)
    assert [each["id"] for each in found] == [call["id"]]


@pytest.mark.parametrize(
    ("fields", "moments", "text"),
    [
        ({"phoneCallProviderBypassEnabled": True}, (60, None), "bypass mode dials no phone"),
        ({}, (60, 60), "latestAt must be after"),
        ({}, (-7200, None), "in the past"),
        ({}, (91 * 86400, None), "90 days"),
        ({"customer": {"number": "+19005550188"}}, (60, None), "premium"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(
    both: tuple[Domain, RestApi], fields: Any, moments: Any, text: str
) -> None:
    ours, _ = both
    with pytest.raises(Invalid, match=text):
        ours.create(TWILIO, schedulePlan=plan(ours, *moments), **fields)
    assert ours.calls.list(default_org.ORG_ID, CallFilter({}, [], 10)) == []
