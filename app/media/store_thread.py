"""Runs a use case, which blocks on the database, beside the event loop and with a bound.

The threads are few. A database that answers nothing must neither keep them nor those who wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import TimeoutError as StoreTimeout

from app import deadline
from app.deadline import Deadline
from app.net.threads import take

STORE_SECONDS = 5.0
"""From the request for a thread to its end."""
GRACE_SECONDS = 1.0
"""A thread that has not ended by then hangs, with the disk perhaps: it is not waited for."""

P = ParamSpec("P")
T = TypeVar("T")


async def in_store_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return or raise what ``work`` does. Raises SQLAlchemy's ``TimeoutError``."""
    return await _awaited(_begun(partial(work, *args, **kwargs)))


async def take_in_store_thread(
    give_back: Callable[[T], None], work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """The same for work that takes something.

    ``give_back`` gets, on the event loop, what comes after the wait for it has ended.
    """
    return await _awaited(take(_begun(partial(work, *args, **kwargs)), give_back))


def _begun(work: Callable[[], T]) -> asyncio.Future[T]:
    until = Deadline(time.monotonic() + STORE_SECONDS)
    loop, here = asyncio.get_running_loop(), copy_context().run  # the log names the call there too
    try:
        return loop.run_in_executor(None, partial(here, _bounded, until, work))
    except RuntimeError as error:  # the executor still has the work, and may begin it later
        until.at = float("-inf")
        raise StoreTimeout("the system has no thread for the database") from error


async def _awaited(running: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(STORE_SECONDS + GRACE_SECONDS):
            return await running
    except TimeoutError as error:
        raise StoreTimeout("the database does not answer") from error


def _bounded(until: Deadline, work: Callable[[], T]) -> T:
    if time.monotonic() >= until.at:  # its asker has been told by now, or will be soon
        raise StoreTimeout("no thread was free for the database")
    deadline.begin(until)
    try:
        return work()
    finally:
        deadline.begin(None)
