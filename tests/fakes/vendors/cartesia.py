"""Cartesia's ``wss /tts/websocket``. https://docs.cartesia.ai/api-reference/tts/websocket"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.vendors.standin import SECONDS, Asked, SocketStandIn, sound


@dataclass
class Cartesia(SocketStandIn):
    """Sound and the times of words, when a context's transcript ends (``continue`` false)."""

    texts: dict[str, str] = field(default_factory=dict)

    async def take(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        told: dict[str, Any],
        asked: Asked,
    ) -> None:
        context = told["context_id"]
        if told.get("cancel"):
            return
        if self.refuses:
            await socket.send_json(
                {
                    "type": "error",
                    "context_id": context,
                    "status_code": 400,
                    "done": True,
                    "error": self.refuses,
                    "message": self.says,
                }
            )
            return
        self.texts[context] = self.texts.get(context, "") + told["transcript"]
        if not told["continue"]:
            await self._speak(socket, request, context, told["output_format"]["sample_rate"])

    async def _speak(
        self, socket: web.WebSocketResponse, request: web.Request, context: str, rate: int
    ) -> None:
        words = self.texts.pop(context).split()
        pcm = sound(rate)
        own = {"context_id": context, "status_code": 206, "done": False}
        starts = [SECONDS * n / len(words) for n in range(len(words))]
        ends = [start + SECONDS / len(words) for start in starts]
        audio = base64.b64encode(pcm[:1000]).decode()
        await socket.send_json({**own, "type": "chunk", "data": audio})
        times = {"words": words, "start": starts, "end": ends}
        await socket.send_json({**own, "type": "timestamps", "word_timestamps": times})
        if self.cut:
            self.break_off(request)
            return
        audio = base64.b64encode(pcm[1000:]).decode()
        await socket.send_json({**own, "type": "chunk", "data": audio})
        await socket.send_json({**own, "type": "done", "done": True, "status_code": 200})
