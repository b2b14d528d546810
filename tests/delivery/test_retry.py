"""What follows an attempt, case by case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.retry import Outcome, outcome, retry_after, told, wait
from app.net.http import Response
from app.settings import DELIVERY_SCHEDULE

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
FAILED = Outcome(500)
TIMED_OUT = Outcome(None, timed_out=True)
UNREACHABLE = Outcome(None)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_the_schedule_is_what_the_documentation_says() -> None:
    assert len(DELIVERY_SCHEDULE) == 10
    assert sum(DELIVERY_SCHEDULE) == 75 * 3600 + 35 * 60 + 5


@pytest.mark.parametrize(
    ("status", "delivered"),
    [(200, True), (204, True), (299, True), (199, False), (300, False), (301, False), (500, False)],
)
def test_only_2xx_is_delivered(status: int, delivered: bool) -> None:
    assert Outcome(status).delivered is delivered


def test_an_answer_may_say_when_to_come_again() -> None:
    assert outcome(Response(503, {"retry-after": "7"}, b""), NOW) == Outcome(503, retry_after=7.0)
    assert outcome(Response(200, {}, b""), NOW) == Outcome(200)


@pytest.mark.parametrize(("seconds", "text"), [(None, "gave up"), (4.6, "again in 5 s")])
def test_the_log_tells_what_follows(seconds: float | None, text: str) -> None:
    assert told(seconds) == text


def test_no_answer_is_not_delivered() -> None:
    assert not UNREACHABLE.delivered


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (399, False),
        (400, True),  # the receiver is up and dislikes this message
        (404, True),
        (410, True),
        (499, True),
        (500, False),  # the receiver is broken: the messages behind this one wait for it
        (408, False),  # these concern the moment, so the others wait as well
        (425, False),
        (429, False),
        (409, True),  # their neighbours do not
        (426, True),
        (None, False),
    ],
)
def test_a_refusal_is_of_this_message_alone(status: int | None, refused: bool) -> None:
    assert Outcome(status).refused is refused


@pytest.mark.parametrize(
    ("made", "outcome", "seconds"),
    [
        (1, FAILED, 5.0),  # the first retry
        (2, FAILED, 300.0),
        (9, FAILED, 86400.0),  # before the last attempt
        (10, FAILED, None),  # that was the last
        (99, FAILED, None),  # a schedule that was shortened meanwhile
        (1, UNREACHABLE, 5.0),  # refused connections are cheap to try
        (1, TIMED_OUT, 60.0),  # slow receivers get a minute
        (2, TIMED_OUT, 300.0),  # unless the schedule gives them more
        (1, Outcome(429), 60.0),  # busy ones too
        (1, Outcome(302), 5.0),  # a redirect is a failure
        (1, Outcome(410), None),  # gone: never again
        (1, Outcome(503, retry_after=7.0), 7.0),  # as asked
        (1, Outcome(503, retry_after=1.0), 5.0),  # not sooner than planned
        (1, Outcome(503, retry_after=1e9), 10.0),  # not later than twice that
        (1, Outcome(429, retry_after=90.0), 90.0),
        (1, Outcome(429, retry_after=1000.0), 120.0),
        (10, Outcome(503, retry_after=1.0), None),  # asking buys no further attempt
    ],
)
def test_our_own_schedule(made: int, outcome: Outcome, seconds: float | None) -> None:
    assert wait(made, outcome, DELIVERY_SCHEDULE, None, jitter=middle) == seconds


def test_patience_is_no_longer_than_a_short_schedule_s_longest_wait() -> None:
    assert wait(1, TIMED_OUT, (0.0, 0.1, 0.5), None, jitter=middle) == 0.5


@given(made=st.integers(1, 9))
def test_jitter_is_a_fifth(made: int) -> None:
    seconds = wait(made, FAILED, DELIVERY_SCHEDULE, None)
    assert seconds is not None
    assert 0.8 * DELIVERY_SCHEDULE[made] <= seconds <= 1.2 * DELIVERY_SCHEDULE[made]


FIXED = {"type": "fixed", "maxRetries": 3, "baseDelaySeconds": 2}
EXPONENTIAL = {**FIXED, "type": "exponential"}
EXCLUDING = {**FIXED, "excludedStatusCodes": [400, 401]}


@pytest.mark.parametrize(
    ("plan", "made", "outcome", "seconds"),
    [
        (FIXED, 1, FAILED, 2.0),
        (FIXED, 3, FAILED, 2.0),  # the third retry
        (FIXED, 4, FAILED, None),  # maxRetries + 1 attempts in all
        (FIXED, 1, TIMED_OUT, 2.0),  # our patience is not in the plan
        (FIXED, 1, Outcome(410), 2.0),  # "any non-2xx status code"
        (FIXED, 1, Outcome(503, retry_after=60.0), 2.0),
        (EXPONENTIAL, 1, FAILED, 2.0),
        (EXPONENTIAL, 2, FAILED, 4.0),
        (EXPONENTIAL, 3, FAILED, 8.0),
        (EXCLUDING, 1, Outcome(401), None),
        (EXCLUDING, 1, Outcome(403), 2.0),
        (EXCLUDING, 1, TIMED_OUT, 2.0),  # no status, so none that is excluded
        ({**FIXED, "maxRetries": 0}, 1, FAILED, None),
        ({**FIXED, "baseDelaySeconds": 0}, 1, FAILED, 0.0),
        ({}, 1, FAILED, None),  # Vapi's defaults: no retries
        ({"type": None, "maxRetries": 1, "excludedStatusCodes": None}, 1, FAILED, 0.0),
    ],
)
def test_vapi_s_plan(
    plan: dict[str, Any], made: int, outcome: Outcome, seconds: float | None
) -> None:
    assert wait(made, outcome, DELIVERY_SCHEDULE, plan) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120.0),  # a date
        ("Thu, 01 Jan 2026 12:02:00", 120.0),  # without a zone: GMT
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),  # past
        ("Thu, 01 Jan 2026 12:02:00 +0100", 0.0),  # 11:02 of ours
        ("Thu, 01 Jan 2026 12:02:00 -0100", 3720.0),
        ("1234567890", 123456789.0),  # beyond any wait: cut, so that it stays a number
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),  # a digit, but no ASCII
        (f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT", None),
        (f"Mon, 01 Jan 2026 00:00:00 +{'9' * 23}", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [+-]?\w+"))
def test_no_retry_after_breaks_it(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0
