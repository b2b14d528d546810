"""What waits for other people's servers, beside what the calls themselves need."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.domain.context import Reply
from app.domain.services.media import MediaService, StreamClaim
from app.media.call_context import CallContext
from app.net.threads import Workers, run_in_thread
from tests.clock import on_loop

MANY = 64
"""More than the loop has threads, however many processors there are (32 at most)."""


@on_loop
async def test_slow_servers_of_tools_hold_no_call_up() -> None:
    released = threading.Event()

    def ask(*_: Any) -> Reply:
        released.wait()
        return Reply(b"{}")

    service = SimpleNamespace(ask=ask, transfer=lambda *_: "not there")
    call_context = CallContext(
        cast("MediaService", service), cast("StreamClaim", SimpleNamespace(call_id="c"))
    )
    asking = [
        asyncio.create_task(call_context.request("tool-calls", {}, 20.0)) for _ in range(MANY)
    ]
    await asyncio.sleep(0)  # all of them ask
    try:
        assert await call_context.transfer({}, None) == "not there"  # one of the loop's own threads
    finally:
        released.set()
    assert await asyncio.gather(*asking) == [Reply(b"{}")] * MANY


@on_loop
async def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise PermissionError("not here")

    with pytest.raises(PermissionError, match="not here"):
        await run_in_thread(fail)


@on_loop
async def test_one_that_is_cancelled_ends_by_itself() -> None:
    released, ended = threading.Event(), threading.Event()

    def work() -> None:
        released.wait()
        ended.set()

    waiting = asyncio.create_task(run_in_thread(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    released.set()
    assert await asyncio.to_thread(ended.wait, 20)


def test_workers_are_at_most_so_many() -> None:
    workers, released = Workers(2, "worker"), threading.Event()
    begun = threading.Semaphore(0)
    names = list[str]()

    def work() -> None:
        names.append(str(threading.get_ident()))
        begun.release()
        released.wait()

    for _ in range(6):
        workers.run(work)
    for _ in range(2):
        assert begun.acquire(timeout=20)
    assert not begun.acquire(blocking=False)
    released.set()
    for _ in range(4):
        assert begun.acquire(timeout=20)
    assert len({*names}) == 2
    workers.close()


def test_workers_that_were_closed_work_again() -> None:
    workers = Workers(2, "worker")
    for _ in range(2):
        done = threading.Event()
        workers.run(done.set)
        assert done.wait(20)
        workers.close()


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_thread_that_the_system_refused_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers, done = Workers(2, "worker"), threading.Event()
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                workers.run(lambda: None)
    workers.run(done.set)
    assert done.wait(20)
    workers.close()


def test_work_without_a_thread_of_its_own_waits_for_another_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers, released, done = Workers(2, "worker"), threading.Event(), threading.Event()

    def wait() -> None:
        released.wait()

    workers.run(wait)
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        workers.run(done.set)
    released.set()
    assert done.wait(20)
    workers.close()
