"""xAI's ``/v1/stt``. https://docs.x.ai/docs/api-reference"""

from __future__ import annotations

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Recogniser


class XaiStt(Ears):
    """Partial texts, of which the last is final with its speech."""

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self._ears = Recogniser(self.script, int(request.query["sample_rate"]))
        await socket.send_json({"type": "transcript.created", "id": "s"})

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        for heard in self._ears.feed(sound):
            ends = {"is_final": heard.final, "speech_final": heard.final}
            await socket.send_json({"type": "transcript.partial", "text": heard.text, **ends})
