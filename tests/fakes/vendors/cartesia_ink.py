"""Cartesia's ``/stt/websocket``. https://docs.cartesia.ai/api-reference/stt/stt"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Recogniser


class CartesiaInk(Ears):
    """Transcripts, final or not. Its commands are bare words."""

    def parsed(self, text: str) -> dict[str, Any]:
        return {"command": text}

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self._ears = Recogniser(self.script, int(request.query["sample_rate"]))

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        for heard in self._ears.feed(sound):
            said = {"type": "transcript", "text": heard.text, "is_final": heard.final}
            await socket.send_str(json.dumps(said))

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["command"] == "finalize" and not self.mute:
            for heard in self._ears.finish():
                await socket.send_json({"type": "transcript", "text": heard.text, "is_final": True})
            await socket.send_json({"type": "flush_done"})
