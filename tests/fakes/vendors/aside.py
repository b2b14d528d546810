"""Stand-ins on a loop of their own, for tests whose bridge is another process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any


@contextmanager
def aside(*stand_ins: AbstractAsyncContextManager[Any]) -> Iterator[None]:
    """They serve until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stand-ins", daemon=True)
    thread.start()
    stack = AsyncExitStack()

    async def enter() -> None:
        for each in stand_ins:
            await stack.enter_async_context(each)

    try:
        asyncio.run_coroutine_threadsafe(enter(), loop).result(timeout=30)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(timeout=30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()
