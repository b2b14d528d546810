"""What is dialled in an hour: by one key, and by the forwards of an organisation's calls."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.default_org import NAMESPACE, ORG_ID
from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.record import CallTx
from app.domain.errors import Invalid, TooMany
from app.domain.legs import dial_limit, transfer
from app.settings import Settings
from app.store import dial_limits
from app.store.call_lists import CallFilter
from providers.events import CallEvent, EndedReason, EventKind
from tests.domain.use_cases import Clock, Domain, domain
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.twilio import TWILIO

START = Clock().at
KEY, OTHER = "key of the one", "key of another"
THERE = {"type": "number", "number": "+14155550188"}


@pytest.fixture
def limited(settings: Settings) -> Iterator[Callable[..., Domain]]:
    """Makes the use cases with these limits, on one store."""
    with domain(replace(settings, allowed_countries=frozenset({"US"})), rest=True) as (made, _):

        def limit(**limits: Any) -> Domain:
            settings = replace(made.context.settings, max_forward_seconds=600, **limits)
            return Domain(replace(made.context, settings=settings), made.later, made.clock)

        yield limit


def dial(ours: Domain, key: str | None = KEY, **fields: Any) -> dict[str, Any]:
    number = str(uuid.uuid5(NAMESPACE, f"{TWILIO.name} number {TWILIO.number}"))
    body = {
        "phoneNumberId": number,
        "assistant": {"name": "Reception"},
        "customer": {"number": CUSTOMER},
    }
    return ours.calls.create(ORG_ID, {**body, **fields}, key_id=key)


def forward(ours: Domain, call: dict[str, Any], there: Any = None) -> str | None:
    """As an assistant does it, whose tool or model has named the destination."""
    with ours.context.store.write() as conn:
        found = record.get(conn, call["id"], lock=True)
        assert found is not None
        reason = EndedReason.ASSISTANT_FORWARDED_CALL
        return transfer.begin(CallTx(ours.context, conn, found), there or THERE, reason=reason)


def refused(ours: Domain, **fields: Any) -> TooMany:
    with pytest.raises(TooMany) as caught:
        dial(ours, **fields)
    return caught.value


def test_calls_of_one_key(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_limit_per_hour=2)
    for _ in range(2):
        dial(ours)
    error = refused(ours)
    assert "DIAL_LIMIT_PER_HOUR" in str(error)
    assert error.retry_after == 1800
    assert len(ours.calls.list(ORG_ID, CallFilter())) == 2
    dial(ours, key=OTHER)
    dial(ours, phoneCallProviderBypassEnabled=True)  # the flow has dialled it
    ours.clock.pass_(1800)
    dial(ours)
    refused(ours)


def test_a_forward_counts_for_the_key_of_its_call(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_limit_per_hour=3)
    first, _ = dial(ours), dial(ours)
    assert forward(ours, first) is None
    assert "DIAL_LIMIT_PER_HOUR" in (forward(ours, first) or "")
    refused(ours)


def test_a_forward_of_a_call_without_a_key(limited: Callable[..., Domain]) -> None:
    """Such as one that came in: all of the organisation's count together."""
    ours = limited(dial_limit_per_hour=2)
    came = [dial(ours, key=None, phoneCallProviderBypassEnabled=True) for _ in range(3)]
    told = [forward(ours, call) for call in came]
    assert told[:2] == [None, None]
    assert "DIAL_LIMIT_PER_HOUR" in (told[2] or "")


def test_minutes_are_taken_whole_and_given_back(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_minutes_per_hour=30)
    call = dial(ours, maxDurationSeconds=1800)
    assert "DIAL_MINUTES_PER_HOUR" in str(refused(ours, maxDurationSeconds=60))
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    ours.clock.pass_(120)
    ours.hear(call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_ENDED_CALL)
    assert ours.get(call)["status"] == "ended"
    # of 30 minutes two are used, and four have leaked in two minutes
    dial(ours, maxDurationSeconds=1740)
    refused(ours, maxDurationSeconds=300)


def test_a_call_without_an_answer_used_no_minutes(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_minutes_per_hour=30)
    call = dial(ours, maxDurationSeconds=1800)
    ours.hear(call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_BUSY)
    dial(ours, maxDurationSeconds=1800)


def test_a_forward_takes_minutes_too(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_minutes_per_hour=10)
    call = dial(ours, phoneCallProviderBypassEnabled=True)
    assert forward(ours, call) is None  # ten minutes
    assert "DIAL_MINUTES_PER_HOUR" in (forward(ours, call) or "")
    ours.clock.pass_(60)
    ours.end(call)
    assert forward(ours, dial(ours, phoneCallProviderBypassEnabled=True)) is not None
    with ours.context.store.read() as conn:
        used = dial_limits.buckets(conn, KEY).minutes - START
    assert used == timedelta(minutes=6)  # one of ten minutes, as a part of the hour


def test_a_failed_forward_gives_back_at_once(limited: Callable[..., Domain]) -> None:
    """Later, what had leaked long since would be given back, for others: the limit several times."""
    ours = limited(dial_minutes_per_hour=10)
    call = dial(ours, phoneCallProviderBypassEnabled=True)
    for number in range(2):
        assert forward(ours, call) is None
        with ours.context.store.write() as conn:
            found = record.get(conn, call["id"], lock=True)
            assert found is not None
            assert found.facts.forward is not None
            told = {"forward": found.facts.forward.id, "outcome": "busy"}
            busy = [
                CallEvent(
                    EventKind.FORWARD_FAILED, ours.clock.at, f"busy {number} {again}", data=told
                )
                for again in range(2)
            ]
            apply_events(CallTx(ours.context, conn, found), busy[:1])
            apply_events(CallTx(ours.context, conn, found), busy[1:])
        ours.clock.pass_(1)
    assert forward(ours, dial(ours, phoneCallProviderBypassEnabled=True)) is None
    ours.end(call)
    other = dial(ours, phoneCallProviderBypassEnabled=True)
    assert "DIAL_MINUTES_PER_HOUR" in (forward(ours, other) or "")


def test_an_operators_leg_takes_its_ringing_and_its_talk_too(
    limited: Callable[..., Domain],
) -> None:
    """Ten minutes with the caller, one of ringing, and nine with the transfer assistant."""
    menu = {"1": {"then": "transferSuccessful"}}
    assistant = {"model": {"provider": "embedded", "menu": menu}, "maxDurationSeconds": 540}
    plan = {"mode": "warm-transfer-experimental", "dialTimeout": 60, "transferAssistant": assistant}
    warm = {**THERE, "transferPlan": plan}
    ours = limited(dial_minutes_per_hour=30)
    call = dial(ours, phoneCallProviderBypassEnabled=True)
    assert forward(ours, call, warm) is None
    assert "DIAL_MINUTES_PER_HOUR" in (forward(ours, call, warm) or "")
    ours.clock.pass_(60)
    ours.end(call)
    with ours.context.store.read() as conn:
        used = dial_limits.buckets(conn, KEY).minutes - START
    assert used == timedelta(minutes=2)  # one of thirty minutes, as a part of the hour


@pytest.mark.parametrize("legs", [7, 11, 13])
def test_minutes_are_had_in_full_at_once(limited: Callable[..., Domain], legs: int) -> None:
    """Also of a limit whose parts are no whole microseconds."""
    ours = limited(dial_minutes_per_hour=legs)
    for _ in range(legs):
        dial(ours, maxDurationSeconds=60)
    refused(ours, maxDurationSeconds=60)


def test_a_leg_longer_than_the_limit_passes_alone(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_minutes_per_hour=5)
    call = dial(ours, maxDurationSeconds=3600)
    refused(ours, maxDurationSeconds=10)
    ours.hear(call, TWILIO, EventKind.LEG_ANSWERED)
    ours.clock.pass_(240)
    ours.hear(call, TWILIO, EventKind.LEG_ENDED, reason=EndedReason.CUSTOMER_ENDED_CALL)
    with ours.context.store.read() as conn:
        left = dial_limits.buckets(conn, KEY).minutes - START
    assert left == timedelta(minutes=48)  # four of five minutes are used


def test_without_limits_nothing_is_counted(limited: Callable[..., Domain]) -> None:
    ours = limited(dial_limit_per_hour=0, dial_minutes_per_hour=0)
    for _ in range(3):
        dial(ours)
    with ours.context.store.read() as conn:
        assert dial_limits.buckets(conn, KEY) == dial_limits.Buckets()


def test_the_operator_is_told_once_of_each_refusal(
    limited: Callable[..., Domain], caplog: pytest.LogCaptureFixture
) -> None:
    counted = list[str]()
    ours = limited(dial_limit_per_hour=1)
    ours = Domain(replace(ours.context, count_refused_dial=counted.append), ours.later, ours.clock)
    call = dial(ours)
    with caplog.at_level(logging.WARNING, dial_limit.__name__):
        refused(ours)
        forward(ours, call)
        with pytest.raises(Invalid):
            dial(ours, customer={"number": "+17005550188"})
    assert counted == ["calls", "calls", "destination"]
    assert [line.getMessage().split(": ")[1] for line in caplog.records] == [
        "+141******23",
        "+141******88",
        "+170******88",
    ]
    assert CUSTOMER not in caplog.text
