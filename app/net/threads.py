"""Waiting for somebody else's server, in a thread of its own.

The loop's own threads (``asyncio.to_thread``) are few, six on two processors, and let sockets in,
end calls and tell the store: a handful of slow servers would hold all calls up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises. Cancelled, it is left alone; it does not hold an exit up."""
    ended: Future[T] = Future()
    ended.set_running_or_notify_cancel()  # a thread cannot be called back
    threading.Thread(target=_tell, args=(work, ended), name="aside", daemon=True).start()
    return await asyncio.wrap_future(ended)


def _tell(work: Callable[[], T], ended: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(result)
