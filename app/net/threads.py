"""Runs a wait for another server in a thread of its own.

The loop's own threads (``asyncio.to_thread``) are few, six on two processors. They accept sockets,
end calls and write to the store, so a few slow servers would delay all calls. A pool is joined when
the interpreter exits, and one stuck server would delay a restart. A thread's start costs less than
one SQL statement.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T]) -> T:
    """Return or raise what ``work`` does.

    After a cancellation it runs on, and does not delay an exit.
    """
    return await asyncio.wrap_future(in_thread(work, "aside"))


def in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Run ``work`` in a new thread of that name; the future has its result."""
    ended: Future[T] = Future()
    ended.set_running_or_notify_cancel()  # a running thread cannot be cancelled
    threading.Thread(target=_run, args=(work, ended), name=name, daemon=True).start()
    return ended


def _run(work: Callable[[], T], ended: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(result)
