"""Speaks a tool's messages while it works."""

from __future__ import annotations

import asyncio

from app.assistants.local.tools.definitions import Message, ToolMessageType
from app.assistants.local.tools.messages import fitting
from app.assistants.local.tools.run import Run

# Delayed messages of one call of a tool.
MOST_DELAYED = 10


class Fillers:
    """Speaks from its start to its end. Of delayed messages with one delay the first counts."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting = list[asyncio.Task[None]]()

    async def __aenter__(self) -> None:
        run = self._run
        start = run.words(ToolMessageType.START)
        if start is not None and start.role == "assistant":
            if start.waits:
                await run.engine.say_all(start.content, filler=True)
            else:
                await run.engine.say(start.content, filler=True)
        staged = dict[float, Message]()
        for late in fitting(run.tool, ToolMessageType.DELAYED, run.arguments):
            staged.setdefault(late.delay_seconds, run.filled(late))
        for late in list(staged.values())[:MOST_DELAYED]:
            self._waiting.append(asyncio.create_task(self._later(late)))

    async def __aexit__(self, *_: object) -> None:
        for each in self._waiting:
            each.cancel()

    async def _later(self, message: Message) -> None:
        await asyncio.sleep(message.delay_seconds)
        await self._run.engine.say(message.content, filler=True)
