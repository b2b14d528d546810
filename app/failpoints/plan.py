"""Reads ``FAILPOINT``: which fail-points are set, what they do, and how often.

``name:action``, comma separated. ``kill`` is ``kill -9``, ``error`` fails. ``exec_then_timeout``
does the operation and then reports a timeout. ``sleep`` waits a second, ``sleep=2.5`` longer.
With ``@3`` it happens the third time only, with ``%30`` in 30 of 100 times.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.environment import SettingsError
from app.failpoints.points import POINTS

_ENTRY = re.compile(
    r"(?P<point>[a-z.-]+):(?P<action>[a-z_]+)"
    r"(?:=(?P<seconds>\d+(?:\.\d+)?))?(?:@(?P<turn>[1-9]\d{0,8}))?(?:%(?P<percent>\d{1,2}|100))?"
)
FORM = "name:kill|error|exec_then_timeout|sleep[=seconds][@turn][%percent]"


class Action(StrEnum):
    """What happens at a fail-point."""

    KILL = "kill"
    ERROR = "error"
    EXEC_THEN_TIMEOUT = "exec_then_timeout"
    SLEEP = "sleep"


@dataclass
class Failpoint:
    """One fail-point that is set. Thread-safe."""

    point: str
    action: Action
    seconds: float = 1.0
    turn: int | None = None
    """It happens at this visit only; None: at each."""
    percent: int = 100
    _visits: int = field(default=0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __str__(self) -> str:
        return f"{self.point}:{self.action}"

    def is_due(self) -> bool:
        """Count a visit. Whether it happens this time."""
        with self._lock:
            self._visits += 1
            due = self.turn is None or self._visits == self.turn
        return due and random.randrange(100) < self.percent  # noqa: S311


def parse(words: Sequence[str]) -> tuple[Failpoint, ...]:
    """The fail-points of the setting. Raises ``SettingsError``."""
    return tuple(_parsed(word) for word in words)


def _parsed(word: str) -> Failpoint:
    found = _ENTRY.fullmatch(word)
    if found is None or found["action"] not in set(Action):
        raise SettingsError(f"FAILPOINT must list {FORM}; it has {word!r}")
    if found["point"] not in POINTS:
        raise SettingsError(
            f"FAILPOINT names no fail-point by {found['point']!r}; there are {', '.join(POINTS)}"
        )
    return Failpoint(
        found["point"],
        Action(found["action"]),
        float(found["seconds"] or 1.0),
        int(found["turn"]) if found["turn"] else None,
        int(found["percent"] or 100),
    )
