"""A request that asks other servers: its time there does not count against its deadline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app import deadline

SECONDS = 60.0
"""Until when the store may be waited for: each question to a server has a bound of its own."""


@contextmanager
def asking() -> Iterator[None]:
    with deadline.paused(), deadline.within(SECONDS):
        yield
