"""Waiting for another server, in a thread of its own.

The loop's own threads (``asyncio.to_thread``) are few, six on two processors, and let sockets in,
end calls and tell the store: a handful of slow servers would hold all calls up. A pool would be
joined at interpreter exit, and one stuck server would hold up a restart. Starting a thread costs
less than one statement.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises. Cancelled, it is left alone; it does not hold an exit up."""
    return await asyncio.wrap_future(in_thread(work, "aside"))


def in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Run ``work`` in a new thread of that name; its end is the future's."""
    ended: Future[T] = Future()
    ended.set_running_or_notify_cancel()  # a thread cannot be called back
    threading.Thread(target=_run, args=(work, ended), name=name, daemon=True).start()
    return ended


def _run(work: Callable[[], T], ended: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(result)
