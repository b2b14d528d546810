"""ElevenLabs' ``wss /v1/text-to-speech/{voice}/multi-stream-input``.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.vendors.standin import Asked, SocketStandIn, sound


@dataclass
class ElevenLabs(SocketStandIn):
    """Sound with the time of each character; refuses by a message and a close with 1008."""

    texts: dict[str, str] = field(default_factory=dict)

    async def take(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        told: dict[str, Any],
        asked: Asked,
    ) -> None:
        context = told.get("context_id", "")
        if self.refuses:
            await socket.send_json({"message": self.says, "error": self.refuses, "code": 1008})
            await socket.close(code=1008, message=self.says.encode()[:123])
        elif told.get("text", "").strip():
            self.texts[context] = self.texts.get(context, "") + told["text"]
        if (told.get("close_context") or told.get("flush")) and context in self.texts:
            await self._speak(socket, request, context, asked)
        if told.get("close_context") and not socket.closed:
            await socket.send_json({"contextId": context, "isFinal": True})

    async def _speak(
        self, socket: web.WebSocketResponse, request: web.Request, context: str, asked: Asked
    ) -> None:
        text = self.texts.pop(context)
        pcm = sound(int(asked.query["output_format"].removeprefix("pcm_")), self.seconds)
        each = 1000 * self.seconds / len(text)
        times = {
            "chars": list(text),
            "charStartTimesMs": [round(each * n) for n in range(len(text))],
            "charDurationsMs": [round(each)] * len(text),
        }
        audio = base64.b64encode(pcm[:1000]).decode()
        message = {"audio": audio, "contextId": context, "alignment": times}
        await socket.send_json({**message, "normalizedAlignment": times})
        if self.cut:
            self.break_off(request)
            return
        rest = base64.b64encode(pcm[1000:]).decode()
        await socket.send_json({"audio": rest, "contextId": context})
