"""A supervisor on a call of ``talk.py``: their websocket, and what they say into it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from app.media.monitor.voice import RATE
from tests.assistants.local.talk import STEP, Call
from tests.media.domain import SPEAK_TOKEN
from tests.speech import speech


class Supervisor:
    """One supervisor's side of the socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.start: dict[str, Any] = {}

    async def send(self, kind: str, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **more}))

    async def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.socket.recv())
        return found

    async def take_over(self) -> None:
        """Returns once the assistant is silent."""
        await self.send("take-over")
        while not (await self.told())["takenOver"]:
            pass

    async def give_back(self, **more: Any) -> None:
        """Returns once the assistant has the call."""
        await self.send("give-back", **more)
        while (await self.told())["takenOver"]:
            pass

    async def say(self, name: str) -> None:
        """Speak a sentence of ``tests.speech`` at a microphone's pace."""
        pcm, step = speech(name, RATE), int(RATE * STEP) * 2
        for at in range(0, len(pcm), step):
            await self.socket.send(pcm[at : at + step])
            await asyncio.sleep(STEP)

    def vanish(self) -> None:
        """The connection breaks."""
        self.socket.transport.abort()


@asynccontextmanager
async def supervising(call: Call) -> AsyncIterator[Supervisor]:
    url = f"ws://{call.address}/supervise/token-1?expires=1&token={SPEAK_TOKEN}"
    async with connect(url, proxy=None) as socket:
        made = Supervisor(socket)
        made.start = await made.told()
        yield made
