"""A stream that stopped: whether the caller hung up, or the leg was sent elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.domain.calls import timers
from app.domain.legs import stopped
from app.settings import Settings
from providers.events import EndedReason, EventKind
from providers.simulation.api_server import ApiReply
from tests.domain.legs.test_outbound import dialled, outcome, run
from tests.domain.legs.test_reconcile import END, START, join, seat_of
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.rest_api import DOWN, UNKNOWN, RestApi
from tests.fakes.carriers.twilio import TWILIO


@pytest.fixture
def both(settings: Settings) -> Iterator[tuple[Domain, RestApi]]:
    with domain(replace(settings, settle_seconds=3.0)) as made:
        yield made


def stop(ours: Domain, api: RestApi) -> dict[str, str]:
    """A call whose stream has stopped, after its time to settle."""
    call = dialled(ours, api, TWILIO)
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    claim = seat_of(ours, call)
    join(ours, claim)
    ours.clock.pass_(20)
    ours.media.stopped(claim)
    ours.clock.pass_(4)
    assert outcome(ours.get(call)) == ("ended", "customer-ended-call")
    return call


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (TWILIO.state("in-progress", start_time=START), "phone-call-provider-closed-websocket"),
        (
            TWILIO.state("completed", start_time=START, end_time=END, duration="40"),
            "customer-ended-call",
        ),
        (UNKNOWN, "phone-call-provider-closed-websocket"),
        (DOWN, "phone-call-provider-closed-websocket"),
    ],
)
def test_the_carrier_is_asked_before_the_reason_is_settled(
    both: tuple[Domain, RestApi], reply: ApiReply, reason: str
) -> None:
    ours, api = both
    call = stop(ours, api)
    assert timers.fire_due(ours.context, call["id"])
    assert ours.later.waiting[f"stopped:{call['id']}"] == ("stopped", 0.0)
    assert "call.settled" not in ours.kinds(call)
    api.replies["GET"] = [reply]
    run(stopped, ours, call)
    assert outcome(ours.get(call)) == ("ended", reason)
    assert ours.kinds(call).count("call.settled") == 1
    run(stopped, ours, call)  # a job that runs again changes nothing
    assert len(api.asked) == 1
    assert outcome(ours.get(call)) == ("ended", reason)


def test_a_callback_before_the_answer_counts(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = stop(ours, api)
    assert timers.fire_due(ours.context, call["id"])
    ours.hear(
        call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_ENDED_CALL, generic=True
    )
    api.replies["GET"] = [TWILIO.state("in-progress", start_time=START)]
    run(stopped, ours, call)
    assert outcome(ours.get(call)) == ("ended", "customer-ended-call")


def test_a_leg_whose_end_was_told_is_not_asked_about(both: tuple[Domain, RestApi]) -> None:
    ours, api = both
    call = stop(ours, api)
    ours.hear(
        call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_ENDED_CALL, generic=True
    )
    assert timers.fire_due(ours.context, call["id"])
    assert f"stopped:{call['id']}" not in ours.later.waiting
    assert ours.kinds(call).count("call.settled") == 1
