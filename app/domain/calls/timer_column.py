"""The columns ``timers`` and ``next_timer_at``: the timers of one call.

Only this file knows the form of the first: name -> ``{"due", "reattached"}``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from app.store.schema import from_micros, to_micros
from providers.common.json_types import JsonDict, JsonObject


class Timer(NamedTuple):
    """A timer that waits for its time."""

    due: datetime
    reattached: int | None = None
    """How often the call was reattached when the timer was started, if that matters."""


Timers = Mapping[str, Timer]
"""Name -> timer."""


def load_timers(stored: JsonObject | None) -> Timers | None:
    """The timers of the column. None: the version before created the call (``timer_jobs.py``)."""
    if stored is None:
        return None
    return {
        name: Timer(from_micros(timer["due"]), timer.get("reattached"))
        for name, timer in stored.items()
    }


def timer_columns(timers: Timers | None) -> JsonDict:
    """The columns ``timers`` and ``next_timer_at``."""
    if timers is None:
        return {"timers": None, "next_timer_at": None}
    stored: dict[str, JsonDict] = {}
    for name, timer in timers.items():
        stored[name] = {"due": to_micros(timer.due)}
        if timer.reattached is not None:
            stored[name]["reattached"] = timer.reattached
    due = min((timer.due for timer in timers.values()), default=None)
    return {"timers": stored, "next_timer_at": due}


def due_timer(timers: Timers | None, now: datetime) -> str | None:
    """The timer whose time came first, if the time of any has come."""
    name = min(timers, key=lambda each: timers[each].due) if timers else None
    return name if timers and name and timers[name].due <= now else None


def started(timers: Timers, name: str, timer: Timer) -> Timers:
    """The timers with this one. If it waits already, the earlier time holds."""
    waits = timers.get(name)
    due = min(timer.due, waits.due) if waits else timer.due
    return {**timers, name: Timer(due, timer.reattached)}


def stopped(timers: Timers, names: Collection[str]) -> Timers:
    return {name: timer for name, timer in timers.items() if name not in names}
