"""Runs a wait for another server in a thread of its own.

The loop's own threads (``asyncio.to_thread``) are few, six on two processors. They accept sockets,
end calls and write to the store, so a few slow servers would delay all calls. A pool is joined when
the interpreter exits, and one stuck server would delay a restart. A thread's start costs less than
one SQL statement.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T]) -> T:
    """Return or raise what ``work`` does.

    After a cancellation it runs on, and does not delay an exit.
    """
    return await asyncio.wrap_future(in_thread(work, "aside"))


async def take(running: asyncio.Future[T], give_back: Callable[[T], None]) -> T:
    """Await a thread's work that takes something; the thread runs on after a cancellation.

    ``give_back`` gets, on the event loop, what comes after the wait for it has ended.
    """
    try:
        return await asyncio.shield(running)
    except BaseException:
        running.add_done_callback(partial(_return, give_back))
        raise


def _return(give_back: Callable[[T], None], ended: asyncio.Future[T]) -> None:
    if not ended.cancelled() and ended.exception() is None:
        give_back(ended.result())


def in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Run ``work`` in a new thread of that name; the future has its result."""
    ended: Future[T] = Future()
    ended.set_running_or_notify_cancel()  # a running thread cannot be cancelled
    here = copy_context().run  # the log names the call there too
    threading.Thread(target=here, args=(_run, work, ended), name=name, daemon=True).start()
    return ended


def _run(work: Callable[[], T], ended: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(result)


class Workers:
    """At most ``number`` threads for work that comes often. They start when they are needed."""

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._name = name
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._unfinished = 0
        self._guard = threading.Lock()

    def run(self, work: Callable[[], None]) -> None:
        """Run ``work``, which raises nothing, as soon as a thread is free.

        Raises ``RuntimeError`` when the system has no thread for it.
        """
        with self._guard:
            self._unfinished += 1
            starts = self._started < min(self._number, self._unfinished)
            self._started += starts
        if starts:
            self._start()
        self._waiting.put(work)

    def _start(self) -> None:
        """Start a thread. Raises when the system refuses it, and there is none that could work."""
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:
            with self._guard:
                self._started -= 1
                if self._started:
                    return
                self._unfinished -= 1
            raise

    def close(self) -> None:
        """End the threads once they are free. Another ``run`` starts new ones."""
        with self._guard:
            ending, self._started = self._started, 0
        for _ in range(ending):
            self._waiting.put(None)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()
            with self._guard:
                self._unfinished -= 1
