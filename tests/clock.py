"""A loop whose time passes when all is done: a second of it lasts as long as its work does.

The application, the carriers and the vendors of such a test live in one loop. Its clock stands
still while any of them has work, or a thread or a program works for them; then it goes on to the
next timer at once. A busy machine makes such a test slower, and changes nothing else.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from selectors import BaseSelector, SelectorKey
from typing import Any, TypeVar, TypeVarTuple, Unpack
from unittest.mock import patch

from app.server.thread_pool import ThreadPool
from app.vendors.common.subprocess_worker import Heard, SubprocessWorker

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SHORTEST, LONGEST = 0.001, 0.1
"""Seconds that are waited for what the kernel may still deliver, before the clock goes on."""
SHARE = 0.05
"""Of the leap: the longer it is, the surer it has to be that it is due."""
TICK = 1e-5
"""Seconds of each round of the loop: what comes later has a later time, as on any machine."""
LOOK_SECONDS = 0.02
"""Between two looks at a thread that works."""

_next = SubprocessWorker._next
_run_in_pool = ThreadPool.run


class Work:
    """What goes on outside the loop. A thread of ``run_in_thread`` counts, and those of the executors."""

    def __init__(self) -> None:
        self.count = 0
        """Of the executors' threads, and the programs that are asked."""
        self._before = set(threading.enumerate())
        """Threads that an earlier test has left: nothing comes of them."""

    @property
    def goes_on(self) -> bool:
        asides = sum(
            each.name == "aside" for each in threading.enumerate() if each not in self._before
        )
        return self.count + asides > _Idle.count


class _Idle:
    """Threads that wait on purpose, until the test lets them go on."""

    count = 0
    lock = threading.Lock()

    @classmethod
    def add(cls, number: int) -> None:
        with cls.lock:
            cls.count += number


@contextmanager
def idle() -> Iterator[None]:
    """In a thread that waits for the test: time passes meanwhile."""
    _Idle.add(1)
    try:
        yield
    finally:
        _Idle.add(-1)


class _Selector(BaseSelector):
    """Asks the system's, and puts the clock forward where the loop would wait for a timer."""

    def __init__(self, work: Work) -> None:
        self._real = selectors.DefaultSelector()
        self._work = work
        self.now = time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        self.now += TICK
        found = self._real.select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        if timeout is None:
            return self._real.select()
        if self._work.goes_on:
            return self._real.select(LOOK_SECONDS)
        if found := self._real.select(min(max(timeout * SHARE, SHORTEST), LONGEST)):
            return found
        if not self._work.goes_on:
            self.now += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return self._real.get_map()


class Loop(asyncio.SelectorEventLoop):
    """``time`` is the clock's."""

    def __init__(self) -> None:
        self.work = Work()
        self._clock = _Selector(self.work)
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        self.work.count += 1
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: object) -> None:
        self.work.count -= 1


async def _answered(helper: SubprocessWorker, heard: asyncio.Queue[Heard]) -> Heard:
    """A program is asked: how long it takes is the machine's affair."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.work.count += 1
    try:
        return await _next(helper, heard)
    finally:
        loop.work.count -= 1


def _run_counted(
    pool: ThreadPool,
    function: Callable[[Any], T],
    argument: Any,
    until: Any = None,
    ended: Callable[[], None] = lambda: None,
) -> asyncio.Future[T]:
    """A request's thread works: its deadline does not pass meanwhile."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.work.count += 1

    def finished() -> None:
        loop.work.count -= 1
        ended()

    try:
        return _run_in_pool(pool, function, argument, until, finished)
    except RuntimeError:  # no thread began
        loop.work.count -= 1
        raise


def run(main: Callable[[], Awaitable[None]]) -> None:
    """To its end, in a loop of this kind. ``time`` tells the time of the loop meanwhile."""

    async def whole() -> None:
        await main()

    with asyncio.Runner(loop_factory=Loop) as runner:
        loop = runner.get_loop()
        began = time.time() - loop.time()
        with (
            patch.object(time, "monotonic", loop.time),
            patch.object(time, "monotonic_ns", lambda: round(loop.time() * 1e9)),
            patch.object(time, "time", lambda: began + loop.time()),
            patch.object(SubprocessWorker, "_next", _answered),
            patch.object(ThreadPool, "run", _run_counted),
        ):
            runner.run(whole())


# ------------------------------------------------------------------ tests on such a loop

PATIENCE = 30
"""Seconds of such a loop after which a test that waits for something gives up."""
REAL_PATIENCE = 100
"""The same of the machine's clock, which passes while a busy machine does something else."""

Test = Callable[..., Awaitable[None]]


def on_loop(test: Test) -> Callable[..., None]:
    """An async test as pytest wants it, in a time of its own; it ends, one way or the other."""
    return _in(test, run, PATIENCE)


def in_real_time(test: Test) -> Callable[..., None]:
    """The same for a test whose other side is another process."""
    return _in(test, lambda main: asyncio.run(main()), REAL_PATIENCE)


def _in(
    test: Test, loop: Callable[[Callable[[], Coroutine[Any, Any, None]]], None], seconds: float
) -> Callable[..., None]:
    @functools.wraps(test)
    def whole(*args: Any, **kwargs: Any) -> None:
        async def patiently() -> None:
            async with asyncio.timeout(seconds):
                await test(*args, **kwargs)

        loop(patiently)

    return whole
