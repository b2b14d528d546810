"""One supervisor's websocket: their sound and messages in, who has the call out.

``/supervise/<callId>?expires=...&token=...``. ``endpoint.py`` accepts it, and passes it on to the
process with the call's media socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import suppress

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from app.media.monitor.listeners import LOST
from app.media.monitor.supervision import AlreadySupervised, Supervision
from app.media.socket import SendStalled, Socket, SocketClosed

Send = Callable[[str | bytes], Awaitable[None]]

PATH = "/supervise/"
NORMAL, GOING_AWAY, ABNORMAL = 1000, 1001, 1006
LOCKED = 4423
"""4000 plus the HTTP status of the same meaning."""


class Incoming:
    """What one side sends, until it leaves. ``code``: the close code it left with."""

    def __init__(self, side: Socket | Connection) -> None:
        self.code = ABNORMAL
        self._receive = side.receive if isinstance(side, Socket) else side.recv

    @property
    def deliberate(self) -> bool:
        """Whether it left on purpose: its connection was not lost, nor its page closed."""
        return self.code == NORMAL

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self._receive()
        except SocketClosed as gone:
            self.code = gone.code
        except ConnectionClosed as gone:
            self.code = gone.rcvd.code if gone.rcvd else ABNORMAL


async def attend(supervision: Supervision, send: Send, incoming: Incoming) -> tuple[int, str]:
    """Serve a supervisor until they leave, or the call is over. Returns the close code and text."""

    async def listen() -> None:
        async for message in incoming:
            supervision.take(message)

    try:
        supervisor = supervision.join()
    except AlreadySupervised as problem:
        return LOCKED, str(problem)
    try:
        await pump(supervisor, send, listen())
    finally:
        supervision.leave(supervisor, deliberate=incoming.deliberate)
    return supervision.farewell


async def relay(neighbour: Connection, send: Send, incoming: Incoming) -> tuple[int, str]:
    """Carry a supervisor's socket to the process with the call. Returns the close code and text."""

    async def carry() -> None:
        with suppress(ConnectionClosed):
            async for message in incoming:
                await neighbour.send(message)

    await pump(neighbour, send, carry())
    # closes nothing that is closed already: then this is the code of the other process
    await neighbour.close(NORMAL if incoming.deliberate else GOING_AWAY)
    code = neighbour.close_code or ABNORMAL
    # the other process is gone: no close frame may carry that code
    return LOST if code == ABNORMAL else (code, neighbour.close_reason or "")


async def pump(source: AsyncIterable[str | bytes], send: Send, left: Awaitable[None]) -> None:
    """Send every message of ``source``, until its end or until ``left`` is done."""

    async def carry() -> None:
        with suppress(SocketClosed, SendStalled, ConnectionClosed):
            async for message in source:
                await send(message)

    tasks = [asyncio.create_task(carry()), asyncio.ensure_future(left)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
