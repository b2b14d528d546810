"""The log tells of a late event loop when callers hear it, and never at a start."""

from __future__ import annotations

from app.media.lag_alarm import ENOUGH, SECONDS, LagAlarm


def heard(
    alarm: LagAlarm, at: float, lag: float = 0.2, *, sockets: int = 1, warming: bool = False
) -> bool:
    return alarm.is_heard(lag, at, sockets=sockets, warming=warming)


def test_a_loop_that_is_late_again_and_again_is_told_once_a_minute() -> None:
    alarm = LagAlarm(0.1)
    assert [heard(alarm, at) for at in range(ENOUGH)] == [*[False] * (ENOUGH - 1), True]
    assert not any(heard(alarm, at) for at in range(ENOUGH, 30))
    assert heard(alarm, SECONDS + ENOUGH)


def test_a_start_and_a_first_call_are_no_alarm() -> None:
    alarm = LagAlarm(0.1)
    assert not any(heard(alarm, at, 3.0, warming=True) for at in range(9))
    assert not any(heard(alarm, at, 3.0, sockets=0) for at in range(9))
    assert not any(heard(alarm, at, 0.1) for at in range(9))
    assert not any(heard(alarm, at * SECONDS, 3.0) for at in range(9))
