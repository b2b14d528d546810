"""Rime's ``wss /ws3``. https://docs.rime.ai/docs/websockets"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.vendors.standin import SECONDS, Asked, SocketStandIn, sound


@dataclass
class Rime(SocketStandIn):
    """Sound and the times of words, on ``flush``. Its errors name no context."""

    texts: dict[str, str] = field(default_factory=dict)

    async def take(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        told: dict[str, Any],
        asked: Asked,
    ) -> None:
        if "text" in told:
            context = told["contextId"]
            self.texts[context] = self.texts.get(context, "") + told["text"]
        if told.get("operation") != "flush":
            return
        if self.refuses:
            await socket.send_json({"type": "error", "message": f"{self.refuses}: {self.says}"})
            return
        for context in list(self.texts):
            await self._speak(socket, request, context, int(asked.query["samplingRate"]))

    async def _speak(
        self, socket: web.WebSocketResponse, request: web.Request, context: str, rate: int
    ) -> None:
        words = self.texts.pop(context).split()
        pcm = sound(rate)
        starts = [SECONDS * n / len(words) for n in range(len(words))]
        ends = [start + SECONDS / len(words) for start in starts]
        audio = base64.b64encode(pcm[:1000]).decode()
        await socket.send_json({"type": "chunk", "contextId": context, "data": audio})
        times = {"words": words, "start": starts, "end": ends}
        await socket.send_json(
            {"type": "timestamps", "contextId": context, "word_timestamps": times}
        )
        if self.cut:
            self.break_off(request)
            return
        audio = base64.b64encode(pcm[1000:]).decode()
        await socket.send_json({"type": "chunk", "contextId": context, "data": audio})
        await socket.send_json({"type": "done", "contextId": context, "done": True})
