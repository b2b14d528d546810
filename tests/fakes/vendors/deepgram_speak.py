"""Deepgram's ``wss /v1/speak``. https://developers.deepgram.com/docs/tts-websocket"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.standin import Asked, SocketStandIn, sound


class DeepgramSpeak(SocketStandIn):
    """Binary sound between JSON messages; speaks on ``Flush``."""

    def refusal(self) -> web.Response:
        return web.Response(status=self.status or 500, headers={"dg-error": self.says})

    async def take(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        told: dict[str, Any],
        asked: Asked,
    ) -> None:
        if told["type"] == "Clear":
            await socket.send_json({"type": "Cleared", "sequence_id": 0})
        if told["type"] != "Flush":
            return
        if self.refuses:
            error = {"type": "Error", "err_code": self.refuses, "description": self.says}
            await socket.send_json(error)
            return
        pcm = sound(int(asked.query["sample_rate"]), self.seconds)
        await socket.send_bytes(pcm[: len(pcm) // 4 * 2])
        if self.cut:
            self.break_off(request)
            return
        await socket.send_bytes(pcm[len(pcm) // 4 * 2 :])
        await socket.send_json({"type": "Flushed", "sequence_id": 0})
