"""Wrong secrets of each address: five a second are answered, more get 429.

A secret that opens is never slowed. A key that has opened nothing yet is not looked up while its
address is over the rate. Else a guess that is right would come through.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

RATE = 5.0
"""Wrong attempts a second of one address that are answered, and as many at once."""
MOST_ADDRESSES = 10_000


class Attempts:
    """A leaky bucket of each address. The one seen longest ago is forgotten when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._levels = OrderedDict[str, tuple[float, float]]()

    def wait(self, address: str) -> int:
        """Whole seconds until a wrong attempt is answered again; 0: now."""
        with self._lock:
            return _wait(self._level(address))

    def count(self, address: str) -> int:
        """Count a wrong attempt. Returns the seconds to wait if it is one too many, else 0."""
        with self._lock:
            level = self._level(address)
            if wait := _wait(level):
                return wait
            self._levels[address] = level + 1, self._clock()
            self._levels.move_to_end(address)
            if len(self._levels) > MOST_ADDRESSES:
                self._levels.popitem(last=False)
        return 0

    def _level(self, address: str) -> float:
        level, at = self._levels.get(address, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * RATE)


def _wait(level: float) -> int:
    return math.ceil(max(0.0, level + 1 - RATE) / RATE)


@dataclass(frozen=True, slots=True)
class Doors:
    """The wrong attempts of this process, by what was wrong."""

    keys: Attempts = field(default_factory=Attempts)
    signatures: Attempts = field(default_factory=Attempts)
    known: set[str] = field(default_factory=set)
    """Digests of API keys that have opened something. They are looked up all the same."""
