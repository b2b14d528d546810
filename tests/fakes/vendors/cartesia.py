"""Cartesia's ``wss /tts/websocket``. https://docs.cartesia.ai/api-reference/tts/websocket"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.vendors.standin import Line, SocketStandIn, halves, sound, word_times


@dataclass
class Cartesia(SocketStandIn):
    """Sound and the times of words, when a context's transcript ends (``continue`` false)."""

    texts: dict[str, str] = field(default_factory=dict)

    async def take(self, line: Line, told: dict[str, Any]) -> None:
        context = told["context_id"]
        if told.get("cancel"):
            return
        if self.refuses:
            error = {"error": self.refuses, "message": self.says}
            await line.say(type="error", context_id=context, status_code=400, done=True, **error)
            return
        self.texts[context] = self.texts.get(context, "") + told["transcript"]
        if not told["continue"]:
            await self._speak(line, context, told["output_format"]["sample_rate"])

    async def _speak(self, line: Line, context: str, rate: int) -> None:
        words = self.texts.pop(context).split()
        first, rest = halves(sound(rate))
        own = {"context_id": context, "status_code": 206, "done": False}
        await line.say(**own, type="chunk", data=first)
        await line.say(**own, type="timestamps", word_timestamps=word_times(words))
        if self.cut:
            line.break_off()
            return
        await line.say(**own, type="chunk", data=rest)
        await line.say(context_id=context, type="done", done=True, status_code=200)
