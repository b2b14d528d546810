"""Threads that work for one event loop.

The locks of ``concurrent.futures`` are a third of the bridge's work for a small request. Here one
queue leads to the threads, and the loop's own queue leads back.
https://docs.python.org/3/library/queue.html#queue.SimpleQueue
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    function: Callable[[Any], T]
    argument: Any
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[T]


class ThreadPool:
    """At most ``size`` threads, each started when all before it are busy."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._threads: list[threading.Thread] = []
        self._jobs = SimpleQueue[_Job[Any] | None]()
        self._unfinished = 0

    def run(self, function: Callable[[Any], T], argument: Any) -> asyncio.Future[T]:
        """Call the function in a thread; only the event loop calls ``run``.

        A cancelled job that has not begun is left out.
        """
        loop = asyncio.get_running_loop()
        job = _Job(function, argument, loop, loop.create_future())
        self._unfinished += 1
        if len(self._threads) < min(self._unfinished, self._size):
            self._start_thread()
        self._jobs.put(job)
        return job.result

    def close(self) -> None:
        """Let the jobs end, and wait for it. None may be added any more."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _start_thread(self) -> None:
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            result, error = None, None
            if not job.result.cancelled():
                try:
                    result = job.function(job.argument)
                except BaseException as raised:
                    error = raised
            with suppress(RuntimeError):  # the loop is closed, and no request waits
                job.loop.call_soon_threadsafe(self._finish, job.result, result, error)
            del job, result, error  # hold nothing while waiting

    def _finish(self, future: asyncio.Future[T], result: T, error: BaseException | None) -> None:
        """Hand a result over, in the event loop."""
        self._unfinished -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
