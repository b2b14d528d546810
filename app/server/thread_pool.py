"""Threads that work for one event loop.

The locks of ``concurrent.futures`` are a third of the bridge's work for a small request. Here one
queue leads to the threads, and the loop's own queue leads back.
https://docs.python.org/3/library/queue.html#queue.SimpleQueue
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from app import deadline
from app.deadline import Deadline

LOOK_SECONDS = 1.0
"""Between two looks at a job whose deadline does not count for a while."""

T = TypeVar("T")


class TooLate(Exception):
    """The job's deadline is over, and its thread still works."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    function: Callable[[Any], T]
    argument: Any
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[T]
    deadline: Deadline | None
    ended: Callable[[], None]
    timer: asyncio.TimerHandle | None = None


class ThreadPool:
    """At most ``size`` threads, each started when all before it are busy."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._threads: list[threading.Thread] = []
        self._jobs = SimpleQueue[_Job[Any] | None]()
        self._unfinished = 0

    def run(
        self,
        function: Callable[[Any], T],
        argument: Any,
        until: Deadline | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> asyncio.Future[T]:
        """Call the function in a thread; only the event loop calls ``run``.

        A cancelled job that has not begun is left out. The future raises ``TooLate`` at the
        deadline, which the thread knows of. ``ended`` is called once the thread is free.
        Raises ``RuntimeError`` when the system has no thread for it: ``ended`` is not called then.
        """
        if len(self._threads) < min(self._unfinished + 1, self._size):
            self._start_thread()
        loop = asyncio.get_running_loop()
        job = _Job(function, argument, loop, loop.create_future(), until, ended)
        if until is not None:
            job.timer = loop.call_at(until.at, self._look, job)
        self._unfinished += 1
        self._jobs.put(job)
        return job.result

    def close(self) -> None:
        """Let the jobs end, and wait for it. None may be added any more."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _start_thread(self) -> None:
        """Start a thread. Raises when the system refuses it, and there is none that could work."""
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            result, error = None, None
            if not job.result.cancelled():
                deadline.begin(job.deadline)
                try:
                    result = job.function(job.argument)
                except BaseException as raised:
                    error = raised
            with suppress(RuntimeError):  # the loop is closed, and no request waits
                job.loop.call_soon_threadsafe(self._finish, job, result, error)
            del job, result, error  # hold nothing while waiting

    def _finish(self, job: _Job[T], result: T, error: BaseException | None) -> None:
        """Hand a result over, in the event loop."""
        self._unfinished -= 1
        job.ended()
        if job.timer is not None:
            job.timer.cancel()
        if job.result.done():
            return
        if error is None:
            job.result.set_result(result)
        else:
            job.result.set_exception(error)

    def _look(self, job: _Job[Any]) -> None:
        """End the wait for the job, unless its deadline is a later one by now."""
        if job.deadline is None or job.result.done():
            return
        left = job.deadline.at - time.monotonic()
        if left > 0:
            job.timer = job.loop.call_later(min(left, LOOK_SECONDS), self._look, job)
        else:
            job.result.set_exception(TooLate())
