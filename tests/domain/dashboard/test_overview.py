"""The numbers: spans without gaps, outcomes by reason, delays by rank."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.dashboard.overview import (
    KEPT_SECONDS,
    MOST_KEPT,
    Delay,
    KeptGroups,
    delay,
    spans,
    turn_delays,
)
from app.store.overview import Group
from app.store.schema import EPOCH
from providers.events import EndedReason


def group(hour: int, status: str = "ended", reason: str | None = None, number: int = 1) -> Group:
    return Group(hour, status, reason, number, number, 0.5 * number)


def test_spans_have_no_gap() -> None:
    since, now = EPOCH + timedelta(hours=10.5), EPOCH + timedelta(hours=13.2)
    found = spans(
        [
            group(10, reason=EndedReason.CUSTOMER_ENDED_CALL, number=3),
            group(10, reason=EndedReason.ASSISTANT_ERROR),
            group(12, status="ringing"),
            group(13, reason=None),
        ],
        since,
        now,
        1,
    )
    assert [span.since for span in found] == [EPOCH + timedelta(hours=h) for h in range(10, 14)]
    assert found[0].counts == {"good": 3, "warn": 0, "bad": 1, "live": 0}
    assert (found[0].total, found[0].cost) == (4, 2.0)
    assert found[1].total == 0
    assert found[2].counts["live"] == 1
    assert found[3].counts["warn"] == 1


def test_days_are_of_24_hours() -> None:
    found = spans([group(23), group(24)], EPOCH, EPOCH + timedelta(hours=30), 24)
    assert [span.total for span in found] == [1, 1]


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ([], None),
        ([2.0], Delay(1, 2.0, 2.0)),
        ([3.0, 1.0, 2.0], Delay(3, 2.0, 3.0)),
        ([float(n) for n in range(1, 101)], Delay(100, 50.0, 95.0)),
    ],
)
def test_delays(seconds: list[float], found: Delay | None) -> None:
    assert delay(seconds) == found


def test_the_delay_of_a_turn() -> None:
    messages = [
        {"role": "system", "time": 0},
        {"role": "bot", "time": 100, "endTime": 1000},
        {"role": "user", "time": 2000, "endTime": 3000},
        {"role": "tool_calls", "time": 3100},
        {"role": "bot", "time": 4500, "endTime": 5000},
        {"role": "user", "time": 6000},  # still being said
        {"role": "bot", "time": 7000},
        {"role": "user", "time": 7000, "endTime": 9000},
        {"role": "bot", "time": 8500},  # it interrupted
        {"role": "user", "time": 9000, "endTime": 9500},
        {"role": "bot", "time": 99_000},  # no answer to that
    ]
    assert turn_delays(messages) == [1.5]


def test_groups_of_several_days_are_kept_for_a_while() -> None:
    now = 0.0
    reads: list[str] = []

    def read() -> list[Group]:
        reads.append("read")
        return []

    kept = KeptGroups(lambda: now)
    for days, after in ((1, 1), (1, 2), (7, 3), (7, 3), (30, 4)):
        kept.get("org", days, read)
        assert len(reads) == after
    now = KEPT_SECONDS + 1
    kept.get("org", 7, read)
    assert len(reads) == 5
    for number in range(MOST_KEPT + 1):
        kept.get(str(number), 7, read)
    assert len(kept._kept) == MOST_KEPT
