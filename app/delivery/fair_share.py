"""Shares the job workers among receivers.

A healthy receiver gets up to half of them, one that times out gets one. The state is this process's
alone, and lost with it. It only spreads load.
"""

from __future__ import annotations

import random
import threading
from collections import Counter

from app.jobs.base import WORKERS

MOST = WORKERS // 2
# Seconds until the next attempt, when a receiver has its share of the workers.
PAUSE = (1.0, 3.0)
# The same, when the receiver times out.
LONG_PAUSE = (5.0, 15.0)


class FairShare:
    """The deliveries in progress, by receiver. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._hanging: set[str] = set()

    def acquire(self, receiver: str) -> float | None:
        """Take a worker. None: deliver, and call ``release`` afterwards. Else: seconds to wait."""
        with self._guard:
            hangs = receiver in self._hanging
            if self._busy[receiver] >= (1 if hangs else MOST):
                return random.uniform(*(LONG_PAUSE if hangs else PAUSE))  # noqa: S311
            self._busy[receiver] += 1
            return None

    def release(self, receiver: str, *, hung: bool) -> None:
        """Return the worker. ``hung``: the attempt timed out."""
        with self._guard:
            self._busy[receiver] -= 1
            if not self._busy[receiver]:
                del self._busy[receiver]
            if hung:
                self._hanging.add(receiver)
            else:
                self._hanging.discard(receiver)
