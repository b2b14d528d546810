"""When the event loop's lag is worth a line of the log: when callers hear it, and not once. Pure."""

from __future__ import annotations

from collections import deque

SECONDS = 60.0
"""Between two lines, and how long a late sample counts."""
ENOUGH = 3
"""Late samples. One or two are a start, or what a first call loads: the gauge shows them."""


class LagAlarm:
    """Judges the samples of one process, by the loop's clock."""

    def __init__(self, late_seconds: float, enough: int = ENOUGH) -> None:
        self._late = late_seconds
        self._enough = enough
        self._recent = deque[float](maxlen=enough)
        self._told = float("-inf")

    def is_heard(self, lag: float, now: float, *, sockets: int, warming: bool) -> bool:
        """Add a sample. Returns whether to log it: calls are up, and it is late again and again."""
        if lag <= self._late or warming or not sockets:
            return False
        self._recent.append(now)
        often = len(self._recent) == self._enough and now - self._recent[0] <= SECONDS
        if not often or now - self._told <= SECONDS:
            return False
        self._told = now
        return True
