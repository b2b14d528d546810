"""No receiver takes all workers: a healthy one gets half of them, one that hangs gets one.

Known to this process only and lost with it: this is manners, not state.
"""

from __future__ import annotations

import random
import threading
from collections import Counter

from app.jobs.base import WORKERS

MOST = WORKERS // 2
PAUSE = (1.0, 3.0)
"""Seconds to come back in, when a receiver has all the workers it may have."""
LONG_PAUSE = (5.0, 15.0)
"""The same, when it hangs."""


class FairShare:
    """Who is being talked to. All methods are safe in any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._hanging: set[str] = set()

    def acquire(self, receiver: str) -> float | None:
        """None: go ahead, and call ``release`` afterwards. Else: come back in so many seconds."""
        with self._guard:
            hangs = receiver in self._hanging
            if self._busy[receiver] >= (1 if hangs else MOST):
                return random.uniform(*(LONG_PAUSE if hangs else PAUSE))  # noqa: S311
            self._busy[receiver] += 1
            return None

    def release(self, receiver: str, *, hung: bool) -> None:
        """``hung``: the attempt ended by running out of time."""
        with self._guard:
            self._busy[receiver] -= 1
            if not self._busy[receiver]:
                del self._busy[receiver]
            if hung:
                self._hanging.add(receiver)
            else:
                self._hanging.discard(receiver)
