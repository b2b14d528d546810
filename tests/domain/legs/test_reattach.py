"""How often a leg is reattached: per cause and time, whatever else is in the call's log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calls.state import CallState
from app.domain.legs.reattach import BUDGETS, Cause, cause_of, is_allowed
from providers.common.json_types import JsonDict
from providers.events import CallEvent, CallStatus, EventKind

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAULT, HAND_OVER = Cause.FAULT, Cause.HAND_OVER
FORWARD: JsonDict = {"forward": "1"}


def again(before: timedelta, data: JsonDict) -> CallEvent:
    return CallEvent(EventKind.REATTACHED, NOW - before, f"again:{before}:{data}", data=data)


def attempts(cause: Cause, count: int, age: timedelta) -> list[CallEvent]:
    apart = timedelta(milliseconds=1)
    return [again(age + apart * each, {"cause": str(cause)}) for each in range(count)]


@pytest.mark.parametrize("cause", Cause)
def test_a_budget_is_full_again_after_its_time(cause: Cause) -> None:
    most, window = BUDGETS[cause]
    spent = attempts(cause, most, timedelta())
    assert is_allowed(spent[1:], cause, NOW)
    assert not is_allowed(spent, cause, NOW)
    assert is_allowed(spent, cause, NOW + window)


def test_ten_deploys_in_an_hour() -> None:
    log = [each for n in range(10) for each in attempts(HAND_OVER, 1, timedelta(minutes=6 * n))]
    assert is_allowed(log, HAND_OVER, NOW)
    assert is_allowed(log, FAULT, NOW)


def test_an_event_of_the_version_before_is_a_fault() -> None:
    before = [again(timedelta(seconds=each), {}) for each in range(BUDGETS[FAULT].attempts)]
    assert not is_allowed(before, FAULT, NOW)
    assert is_allowed(before, HAND_OVER, NOW)


others = st.sampled_from([*({"cause": str(cause)} for cause in Cause), {}, FORWARD])


@given(st.lists(st.tuples(st.integers(0, 7200), others), max_size=50), st.sampled_from(Cause))
def test_no_other_cause_counts(log: list[tuple[int, JsonDict]], cause: Cause) -> None:
    """Nor does a transfer's attempt."""
    events = [again(timedelta(seconds=age), data) for age, data in log]
    own = [event for event in events if event.data.get("cause", FAULT) == cause]
    own = [event for event in own if "forward" not in event.data]
    assert is_allowed(events, cause, NOW) == is_allowed(own, cause, NOW)
    assert is_allowed(events[::-1], cause, NOW) == is_allowed(events, cause, NOW)


@pytest.mark.parametrize(
    ("streams", "shut_down", "cause"),
    [
        (("a",), True, HAND_OVER),
        (("a",), False, FAULT),
        ((), True, FAULT),  # handed over before; the next socket never opened
        ((), False, FAULT),
    ],
)
def test_a_hand_over_is_one_of_an_open_socket(
    streams: tuple[str, ...], shut_down: bool, cause: Cause
) -> None:
    state = CallState(CallStatus.IN_PROGRESS, lost=True, shut_down=shut_down, streams=streams)
    assert cause_of(state) is cause
