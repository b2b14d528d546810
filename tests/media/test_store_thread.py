"""A database that answers nothing keeps neither the media plane's tasks nor its few threads."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app import deadline
from app.media.store_thread import (
    GRACE_SECONDS,
    STORE_SECONDS,
    in_store_thread,
    take_in_store_thread,
)
from tests.clock import idle, on_loop


@on_loop
async def test_a_thread_that_hangs_is_not_waited_for() -> None:
    free, loop = threading.Event(), asyncio.get_running_loop()

    def hang() -> None:
        with idle():
            free.wait()

    began = loop.time()
    with pytest.raises(SQLAlchemyError):
        await in_store_thread(hang)
    assert loop.time() - began == pytest.approx(STORE_SECONDS + GRACE_SECONDS, abs=0.5)
    free.set()


@on_loop
async def test_the_store_is_told_how_long_it_may_take() -> None:
    until = await in_store_thread(deadline.store_until)
    most = asyncio.get_running_loop().time() + STORE_SECONDS - deadline.MARGIN_SECONDS
    assert until == pytest.approx(most, abs=0.5)
    assert await in_store_thread(divmod, 7, 2) == (3, 1)


@pytest.mark.parametrize("left_by", ["its time", "its asker"])
@on_loop
async def test_what_is_taken_too_late_is_given_back(left_by: str) -> None:
    free, loop = threading.Event(), asyncio.get_running_loop()
    returned: asyncio.Future[str] = loop.create_future()

    def take() -> str:
        with idle():
            free.wait()
        return "taken"

    asking = asyncio.create_task(take_in_store_thread(returned.set_result, take))
    if left_by == "its asker":
        await asyncio.sleep(1.0)
        asking.cancel()
    with pytest.raises((SQLAlchemyError, asyncio.CancelledError)):
        await asking
    free.set()
    assert await returned == "taken"


@on_loop
async def test_what_is_taken_in_time_is_kept() -> None:
    returned = list[str]()
    assert await take_in_store_thread(returned.append, str, "taken") == "taken"
    with pytest.raises(ZeroDivisionError):
        await take_in_store_thread(lambda _: returned.append("an error"), divmod, 7, 0)
    assert returned == []


@on_loop
async def test_without_a_thread_it_fails_as_the_store_does_and_is_not_done_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The executor keeps what it has no thread for."""
    done = list[str]()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(SQLAlchemyError):
            await in_store_thread(done.append, "too late")
    await in_store_thread(done.append, "in time")
    assert done == ["in time"]
