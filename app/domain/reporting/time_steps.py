"""The steps of a time range, as PostgreSQL's ``date_trunc`` has them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Step(StrEnum):
    """Vapi's names. A week begins on Monday, a century in the year 1, 101, ..., 2001."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    DECADE = "decade"
    CENTURY = "century"
    MILLENNIUM = "millennium"


WITHIN_A_DAY = {
    Step.SECOND: {"microsecond": 0},
    Step.MINUTE: {"microsecond": 0, "second": 0},
    Step.HOUR: {"microsecond": 0, "second": 0, "minute": 0},
}
YEARS = {
    Step.YEAR: (1, 0),
    Step.DECADE: (10, 0),
    Step.CENTURY: (100, 1),
    Step.MILLENNIUM: (1000, 1),
}
"""How many years a step has, and the first year of the first one."""


def begun(step: Step, at: datetime) -> str:
    """When the step that holds this time began: ``2026-03-01``, or ``2026-03-01T10:00:00``."""
    if step in WITHIN_A_DAY:
        whole = at.replace(**WITHIN_A_DAY[step], tzinfo=None)
        return whole.isoformat()
    day = at.date()
    if step is Step.WEEK:
        day -= timedelta(days=day.weekday())
    elif step is Step.MONTH:
        day = day.replace(day=1)
    elif step is Step.QUARTER:
        day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    elif step in YEARS:
        years, first = YEARS[step]
        day = day.replace(year=max(1, (day.year - first) // years * years + first), month=1, day=1)
    return day.isoformat()
