"""A database that answers nothing keeps neither the media plane's tasks nor its few threads."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app import deadline
from app.media.store_thread import GRACE_SECONDS, STORE_SECONDS, in_store_thread
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
