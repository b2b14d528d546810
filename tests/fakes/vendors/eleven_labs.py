"""ElevenLabs' ``wss /v1/text-to-speech/{voice}/multi-stream-input``.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.vendors.standin import Line, SocketStandIn, halves, sound


@dataclass
class ElevenLabs(SocketStandIn):
    """Sound with the time of each character; refuses by a message and a close with 1008."""

    texts: dict[str, str] = field(default_factory=dict)

    async def take(self, line: Line, told: dict[str, Any]) -> None:
        context = told.get("context_id", "")
        if self.refuses:
            await line.say(message=self.says, error=self.refuses, code=1008)
            await line.socket.close(code=1008, message=self.says.encode()[:123])
        elif told.get("text", "").strip():
            self.texts[context] = self.texts.get(context, "") + told["text"]
        if (told.get("close_context") or told.get("flush")) and context in self.texts:
            await self._speak(line, context)
        if told.get("close_context") and not line.socket.closed:
            await line.say(contextId=context, isFinal=True)

    async def _speak(self, line: Line, context: str) -> None:
        text = self.texts.pop(context)
        rate = int(line.asked.query["output_format"].removeprefix("pcm_"))
        first, rest = halves(sound(rate, self.seconds))
        each = 1000 * self.seconds / len(text)
        times = {
            "chars": list(text),
            "charStartTimesMs": [round(each * n) for n in range(len(text))],
            "charDurationsMs": [round(each)] * len(text),
        }
        aligned = {"alignment": times, "normalizedAlignment": times}
        await line.say(audio=first, contextId=context, **aligned)
        if self.cut:
            line.break_off()
            return
        await line.say(audio=rest, contextId=context)
