"""Deepgram's ``wss /v1/speak``. https://developers.deepgram.com/docs/tts-websocket"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.standin import Line, SocketStandIn, sound


class DeepgramSpeak(SocketStandIn):
    """Binary sound between JSON messages; speaks on ``Flush``."""

    def refusal(self) -> web.Response:
        return web.Response(status=self.status or 500, headers={"dg-error": self.says})

    async def take(self, line: Line, told: dict[str, Any]) -> None:
        if told["type"] == "Clear":
            await line.say(type="Cleared", sequence_id=0)
        if told["type"] != "Flush":
            return
        if self.refuses:
            await line.say(type="Error", err_code=self.refuses, description=self.says)
            return
        pcm = sound(int(line.asked.query["sample_rate"]), self.seconds)
        await line.socket.send_bytes(pcm[: len(pcm) // 4 * 2])
        if self.cut:
            line.break_off()
            return
        await line.socket.send_bytes(pcm[len(pcm) // 4 * 2 :])
        await line.say(type="Flushed", sequence_id=0)
