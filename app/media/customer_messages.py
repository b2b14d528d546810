"""Messages to the customer's own program about its call, as JSON on the media socket.

A phone gets none. A browser shows the transcript with it. ``clientMessages`` of the assistant
chooses the types. Without it only those are sent that reveal nothing of how the assistant is made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from app.media.stream import MediaStream
from providers.common.json_types import JsonObject

Audience = Callable[[str, JsonObject], None]

UNASKED = frozenset({"hang", "speech-update", "status-update", "transcript", "user-interrupted"})
"""Types sent to an assistant's customer unless ``clientMessages`` lists others.

A ``conversation-update`` has the system prompt, and ``tool-calls`` what it does for whom.
"""
MAX_WAITING = 200
"""Messages kept for a customer whose network is slow; more are dropped."""


class CustomerMessages:
    """The messages to one socket's customer, written by a task of their own."""

    def __init__(self, stream: MediaStream) -> None:
        self._stream = stream
        self._waiting = asyncio.Queue[str](MAX_WAITING)
        self._writer: asyncio.Task[None] | None = None
        if not stream.call_context.claim.provider.phone:
            self._writer = asyncio.create_task(self._write())

    def beside(self, others: Audience) -> Audience:
        """An audience of the customer and of these others."""
        if self._writer is None:
            return others

        def tell(kind: str, extra: JsonObject) -> None:
            others(kind, extra)
            self._tell(kind, extra)

        return tell

    def close(self) -> None:
        """Send no more."""
        if self._writer is not None:
            self._writer.cancel()

    def _tell(self, kind: str, extra: JsonObject) -> None:
        listed = self._stream.call_context.claim.assistant.client_messages
        if kind in (UNASKED if listed is None else listed) and not self._waiting.full():
            message = {"type": kind, **extra}
            self._waiting.put_nowait(json.dumps(message, ensure_ascii=False))

    async def _write(self) -> None:
        while True:
            await self._stream.tell(await self._waiting.get())
