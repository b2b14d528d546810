"""When a step began, as PostgreSQL says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.reporting.time_steps import Step, begun

AT = datetime(2026, 8, 30, 22, 41, 59, 123456, UTC)  # a Sunday


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("second", "2026-08-30T22:41:59"),
        ("minute", "2026-08-30T22:41:00"),
        ("hour", "2026-08-30T22:00:00"),
        ("day", "2026-08-30"),
        ("week", "2026-08-24"),
        ("month", "2026-08-01"),
        ("quarter", "2026-07-01"),
        ("year", "2026-01-01"),
        ("decade", "2020-01-01"),
        ("century", "2001-01-01"),
        ("millennium", "2001-01-01"),
    ],
)
def test_begun(step: str, expected: str) -> None:
    assert begun(Step(step), AT) == expected


def test_the_last_year_of_a_century_is_of_it() -> None:
    assert begun(Step.CENTURY, AT.replace(year=2000)) == "1901-01-01"
