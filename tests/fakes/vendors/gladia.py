"""Gladia's ``/v2/live``: a session by HTTP, then its socket. https://docs.gladia.io/api-reference/v2/live/init"""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Heard, Recogniser

SESSION = "5bd3a4a0-0000-4000-8000-000000000001"


class Gladia(Ears):
    """Sound comes as JSON and is acknowledged."""

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        url = self.url.replace("http", "ws") + "/v2/live?token=t"
        return web.json_response({"id": SESSION, "url": url}, status=201)

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self._ears = Recogniser(self.script, self.bodies[-1]["sample_rate"])
        self._bytes = 0

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["type"] == "stop_recording":
            await socket.close()
            return
        sound = base64.b64decode(body["data"]["chunk"])
        self.sound += sound
        end = self._bytes + len(sound)
        data = {"byte_range": [self._bytes, end], "time_range": [0.0, 0.1]}
        await socket.send_json({"type": "audio_chunk", "acknowledged": True, "data": data})
        self._bytes = end
        for heard in [] if self.mute else self._ears.feed(sound):
            await socket.send_json(transcript(heard))


def transcript(heard: Heard) -> dict[str, Any]:
    utterance = {
        "text": heard.text,
        "language": "en",
        "start": 0.0,
        "end": 1.0,
        "confidence": 0.9,
        "channel": 0,
        "words": [],
    }
    data = {"id": f"00_{heard.number:08}", "is_final": heard.final, "utterance": utterance}
    return {"type": "transcript", "session_id": SESSION, "data": data}
