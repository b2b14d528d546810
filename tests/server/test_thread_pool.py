"""Threads of one event loop: results, errors, cancellation, and no more threads than needed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from app import deadline
from app.deadline import Deadline
from app.server.thread_pool import ThreadPool, TooLate
from tests.clock import idle
from tests.server.test_wsgi_bridge import on_loop


def name_of_thread(_: None) -> str:
    return threading.current_thread().name


@on_loop
async def test_a_free_thread_is_used_again() -> None:
    pool = ThreadPool(3, "work")
    assert {await pool.run(name_of_thread, None) for _ in range(5)} == {"work_0"}
    pool.close()


@on_loop
async def test_no_more_threads_than_its_size() -> None:
    pool, together = ThreadPool(2, "work"), threading.Barrier(2)

    def meet(_: None) -> str:
        together.wait(30)
        return threading.current_thread().name

    names = await asyncio.gather(*(pool.run(meet, None) for _ in range(6)))
    assert set(names) == {"work_0", "work_1"}
    pool.close()


@on_loop
async def test_an_error_is_raised_where_the_result_is_awaited() -> None:
    pool = ThreadPool(1, "work")
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda number: 1 / number, 0)
    assert await pool.run(lambda number: 1 / number, 1) == 1
    pool.close()


@on_loop
async def test_a_cancelled_job_is_left_out_and_the_next_is_done() -> None:
    pool, free, done = ThreadPool(1, "work"), threading.Event(), list[int]()
    blocking = pool.run(free.wait, 30)
    pool.run(done.append, 1).cancel()
    last = pool.run(done.append, 2)
    free.set()
    assert await blocking
    await last
    assert done == [2]
    pool.close()


def test_a_result_after_the_loops_end_ends_no_thread() -> None:
    pool, free, done = ThreadPool(1, "work"), threading.Event(), list[int]()

    async def leave() -> None:
        pool.run(free.wait, 30)
        pool.run(done.append, 1)

    asyncio.run(leave())
    free.set()
    pool.close()
    assert done == [1]


@on_loop
async def test_the_wait_for_another_server_does_not_count() -> None:
    pool, free, loop = ThreadPool(1, "work"), threading.Event(), asyncio.get_running_loop()

    def ask_another(_: None) -> str:
        with deadline.paused(), idle():
            free.wait()
        return "answered"

    ended = list[str]()
    until = Deadline(loop.time() + 1.0)
    job = pool.run(ask_another, None, until, lambda: ended.append("ended"))
    await asyncio.wait([job], timeout=10.0)
    assert not job.done()
    free.set()
    assert await job == "answered"
    assert ended == ["ended"]
    pool.close()


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@on_loop
async def test_a_job_that_no_thread_was_found_for_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, done, ended = ThreadPool(2, "work"), list[int](), list[str]()
    until = Deadline(asyncio.get_running_loop().time() + 1.0)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="new thread"):
                pool.run(done.append, 1, until, lambda: ended.append("ended"))
    pool.close()
    await pool.run(done.append, 2)
    assert (done, ended) == ([2], [])
    assert await pool.run(name_of_thread, None) == "work_0"
    pool.close()


@on_loop
async def test_a_job_without_a_thread_of_its_own_is_done_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, free = ThreadPool(2, "work"), threading.Event()
    blocking = pool.run(free.wait, 30)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        waiting = pool.run(name_of_thread, None)
    free.set()
    assert await blocking
    assert await waiting == "work_0"
    pool.close()


@on_loop
async def test_a_job_is_late_and_its_thread_is_counted_until_its_end() -> None:
    pool, free, ended = ThreadPool(1, "work"), threading.Event(), asyncio.Event()

    def hang(_: None) -> None:
        with idle():
            free.wait()

    until = Deadline(asyncio.get_running_loop().time() + 1.0)
    with pytest.raises(TooLate):
        await pool.run(hang, None, until, ended.set)
    assert not ended.is_set()
    free.set()
    await ended.wait()
    pool.close()
