"""ElevenLabs' ``/v1/speech-to-text/realtime``.

https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
"""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Recogniser


class Scribe(Ears):
    """Sound in JSON. A turn is final once the client commits it."""

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        rate = int(request.query["audio_format"].removeprefix("pcm_"))
        self._ears = Recogniser(self.script, rate)
        await socket.send_json({"message_type": "session_started", "session_id": "s"})

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        sound = base64.b64decode(body["audio_base_64"])
        self.sound += sound
        if self.mute:
            return
        for heard in self._ears.feed(sound):
            if heard.final:
                self._waiting = heard.text
            else:
                await socket.send_json({"message_type": "partial_transcript", "text": heard.text})
        if body["commit"]:
            texts = [self._waiting, *(heard.text for heard in self._ears.finish())]
            self._waiting = ""
            for text in filter(None, texts):
                await socket.send_json({"message_type": "committed_transcript", "text": text})

    _waiting = ""
