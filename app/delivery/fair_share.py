"""Shares the workers among receivers.

A healthy receiver gets up to half of them, one that times out gets one. The state is this process's
alone, and lost with it. It only spreads load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

# Messages that one process sends at a time. They wait for other servers, not for the processor. A busy
# process has few turns a second, so what one turn begins is what it delivers.
WORKERS = 48
MOST = WORKERS // 2


class FairShare:
    """The deliveries in progress, by receiver. The dispatcher's thread alone uses it."""

    def __init__(self) -> None:
        self._busy: Counter[str] = Counter()
        self._hanging: set[str] = set()

    def acquire(self, receiver: str) -> bool:
        """Take a worker; call ``release`` afterwards. False: the receiver has its share."""
        if self._is_full(receiver):
            return False
        self._busy[receiver] += 1
        return True

    def release(self, receiver: str, *, hung: bool | None) -> None:
        """Return the worker. ``hung``: the attempt timed out; None: there was none."""
        self._busy[receiver] -= 1
        if not self._busy[receiver]:
            del self._busy[receiver]
        if hung:
            self._hanging.add(receiver)
        elif hung is False:
            self._hanging.discard(receiver)

    def full(self) -> Collection[str]:
        """The receivers that have their share."""
        return [receiver for receiver in self._busy if self._is_full(receiver)]

    def _is_full(self, receiver: str) -> bool:
        return self._busy[receiver] >= (1 if receiver in self._hanging else MOST)
