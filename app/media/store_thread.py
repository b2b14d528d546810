"""Runs a use case, which blocks on the database, beside the event loop and with a bound.

The threads are few. A database that answers nothing must neither keep them nor those who wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import TimeoutError as StoreTimeout

from app import deadline
from app.deadline import Deadline

STORE_SECONDS = 5.0
"""From the request for a thread to its end."""
GRACE_SECONDS = 1.0
"""A thread that has not ended by then hangs, with the disk perhaps: it is not waited for."""

P = ParamSpec("P")
T = TypeVar("T")


async def in_store_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return or raise what ``work`` does. Raises SQLAlchemy's ``TimeoutError``."""
    until = Deadline(time.monotonic() + STORE_SECONDS)
    try:
        async with asyncio.timeout(STORE_SECONDS + GRACE_SECONDS):
            return await asyncio.to_thread(_bounded, until, partial(work, *args, **kwargs))
    except TimeoutError as error:
        raise StoreTimeout("the database does not answer") from error


def _bounded(until: Deadline, work: Callable[[], T]) -> T:
    deadline.begin(until)
    try:
        return work()
    finally:
        deadline.begin(None)
