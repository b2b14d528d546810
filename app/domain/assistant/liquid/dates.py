"""The filter ``date``: a moment in a time zone, in the format of ``strftime``. As LiquidJS has it.

https://liquidjs.com/filters/date.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

NOW = frozenset({"now", "today"})
DEFAULT = "%A, %B %-d, %Y at %-I:%M %p %z"
"""The format of a filter without one."""
MAX_FORMAT = 200
MAX_TEXT = 100
ORDINALS = {1: "st", 2: "nd", 3: "rd"}
# A percent sign, flags, a directive. A width would ask for gigabytes of padding.
DIRECTIVE = re.compile(r"%([-_0^#]?)([A-Za-z%])")
KNOWN = frozenset("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%q")
"""Letters of Ruby's ``strftime``, and LiquidJS's ``%q``."""


def format_date(value: Any, form: str, zone: object) -> str:
    """``value``: ``now``, a date as text, or seconds since 1970. Another value stays as it is."""
    at = _moment(value)
    if at is None:
        return str(value)
    try:
        local = at.astimezone(_zone(zone))
        return DIRECTIVE.sub(lambda found: _part(found, local), form[:MAX_FORMAT] or DEFAULT)
    except (ValueError, OverflowError):  # a year that no calendar has
        return str(value)


def _moment(value: Any) -> datetime | None:
    """A moment; without a zone it is UTC. The day of a weekday or month alone is not guessed."""
    if isinstance(value, str) and value.strip().lower() in NOW:
        return datetime.now(UTC)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        text = str(value).strip()
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text[:15]), UTC)
        return _parsed(text) if 4 <= len(text) <= MAX_TEXT else None
    except (ValueError, OverflowError, OSError):
        return None


def _parsed(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        from dateutil import parser  # type: ignore[import-untyped]  # python-liquid needs it too

        found = parser.parse(text, default=datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _zone(given: object) -> tzinfo:
    """A zone's name, or LiquidJS's offset in minutes west of UTC. An unknown one is UTC."""
    if isinstance(given, int | float) and abs(given) < 24 * 60:
        return timezone(timedelta(minutes=-given))
    return (_named(given) if isinstance(given, str) else None) or UTC


@cache
def _listed() -> dict[str, str]:
    """The names of zones, in lower case too."""
    from zoneinfo import available_timezones

    return {name.lower(): name for name in available_timezones()}


def _named(name: str) -> ZoneInfo | None:
    known = _listed().get(name.strip().lower())
    return ZoneInfo(known) if known else None


def _part(found: re.Match[str], at: datetime) -> str:
    flag, letter = found[1], found[2]
    if letter not in KNOWN:
        return found[0]
    if letter == "q":
        day = at.day
        return "th" if 10 < day < 14 else ORDINALS.get(day % 10, "th")
    if letter == "s":
        return str(int(at.timestamp()))
    return at.strftime(f"%{flag}{letter}")
