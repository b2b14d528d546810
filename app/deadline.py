"""Until when the work of this thread may wait for the store.

A web server's thread gets its request's deadline. Every other block of the store has
``BLOCK_SECONDS`` from its beginning. After its deadline a request changes nothing: its client may
have got 503 by then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

BLOCK_SECONDS = 10.0
"""Of one block of the store outside any request."""
MARGIN_SECONDS = 0.5
"""The store's waits end so long before the deadline: so the thread itself answers in time."""


class Deadline:
    """The end of one piece of work, by ``time.monotonic``."""

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at


class _Thread(threading.local):
    deadline: Deadline | None = None


_thread = _Thread()


def begin(deadline: Deadline | None) -> None:
    """From now on this thread works until ``deadline``; None: without one."""
    _thread.deadline = deadline


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the work of the block so many seconds."""
    before, _thread.deadline = _thread.deadline, Deadline(time.monotonic() + seconds)
    try:
        yield
    finally:
        _thread.deadline = before


@contextmanager
def paused() -> Iterator[None]:
    """The block waits for another server, in a bound of its own: its time does not count."""
    deadline, began = _thread.deadline, time.monotonic()
    if deadline is None:
        yield
        return
    left, deadline.at = deadline.at - began, float("inf")
    try:
        yield
    finally:
        deadline.at = time.monotonic() + left


def store_until() -> float:
    """Until when a block of the store that begins now may wait, by ``time.monotonic``."""
    deadline = _thread.deadline
    if deadline is None:
        return time.monotonic() + BLOCK_SECONDS
    return deadline.at - MARGIN_SECONDS
