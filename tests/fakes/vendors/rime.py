"""Rime's ``wss /ws3``. https://docs.rime.ai/docs/websockets"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.vendors.standin import Line, SocketStandIn, halves, sound, word_times


@dataclass
class Rime(SocketStandIn):
    """Sound and the times of words, on ``flush``. Its errors name no context."""

    texts: dict[str, str] = field(default_factory=dict)

    async def take(self, line: Line, told: dict[str, Any]) -> None:
        if "text" in told:
            context = told["contextId"]
            self.texts[context] = self.texts.get(context, "") + told["text"]
        if told.get("operation") != "flush":
            return
        if self.refuses:
            await line.say(type="error", message=f"{self.refuses}: {self.says}")
            return
        for context in list(self.texts):
            await self._speak(line, context, int(line.asked.query["samplingRate"]))

    async def _speak(self, line: Line, context: str, rate: int) -> None:
        words = self.texts.pop(context).split()
        first, rest = halves(sound(rate))
        await line.say(type="chunk", contextId=context, data=first)
        await line.say(type="timestamps", contextId=context, word_timestamps=word_times(words))
        if self.cut:
            line.break_off()
            return
        await line.say(type="chunk", contextId=context, data=rest)
        await line.say(type="done", contextId=context, done=True)
