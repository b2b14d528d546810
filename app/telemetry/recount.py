"""A count that grows with the database, made anew only so often that it costs little."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

SPARING = 200
"""A count is shown for so many times as long as it took."""

T = TypeVar("T")


class Recount(Generic[T]):
    """The last result of a count.

    A small database is counted at nearly every scrape. One that takes a second is counted every
    three minutes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[T, float] | None = None

    def get(self, count: Callable[[], T]) -> T:
        """The last result, or that of ``count`` if the last one is too old."""
        began = self._clock()
        last = self._last
        if last is not None and began < last[1]:
            return last[0]
        found = count()
        ended = self._clock()
        self._last = found, ended + SPARING * (ended - began)
        return found
