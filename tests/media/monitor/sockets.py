"""Websockets of people who listen to a call, or speak in it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from app.media.monitor.listeners import Monitor
from tests.media.domain import LISTEN_TOKEN, SPEAK_TOKEN
from tests.media.server import Served

CALL = "token-1"


def listening(
    served: Served, token: str = LISTEN_TOKEN
) -> AbstractAsyncContextManager[ClientConnection]:
    return connect(f"ws://{served.address}/listen/{CALL}?token={token}", proxy=None)


def speaking(
    served: Served, token: str = SPEAK_TOKEN
) -> AbstractAsyncContextManager[ClientConnection]:
    url = f"ws://{served.address}/supervise/{CALL}?expires=1&token={token}"
    return connect(url, proxy=None)


async def told(socket: ClientConnection) -> dict[str, Any]:
    """The next message, which is JSON; the first is the start."""
    message = await socket.recv()
    assert isinstance(message, str)
    found: dict[str, Any] = json.loads(message)
    return found


async def monitored(served: Served) -> Monitor:
    """The only call's, once it is up."""
    while True:
        for session in served.application.hub._sessions:
            if session.monitor is not None:
                return session.monitor
        await asyncio.sleep(0)
