"""OpenAI's ``/realtime?intent=transcription``.

https://platform.openai.com/docs/guides/realtime-transcription
"""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Recogniser

RATE = 24_000
QUIET = bytes(RATE // 25 * 2)
"""Behind a commit, whatever the client's resampler still holds."""
TEXTS = "conversation.item.input_audio_transcription"


class OpenAIRealtime(Ears):
    """Sound in JSON, at 24 kHz. The text of a turn comes once the client commits it."""

    _waiting = ""

    async def greet(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self._ears = Recogniser(self.script, RATE)
        await socket.send_json({"type": "session.created", "session": {"type": "transcription"}})

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if body["type"] == "input_audio_buffer.append":
            sound = base64.b64decode(body["audio"])
            self.sound += sound
            for heard in self._ears.feed(sound) if not self.mute else ():
                await self._tell(socket, heard.text, final=heard.final)
        elif body["type"] == "input_audio_buffer.commit" and not self.mute:
            last = [*self._ears.feed(QUIET), *self._ears.finish()]
            texts = [self._waiting, *(heard.text for heard in last if heard.final)]
            self._waiting, found = "", [text for text in texts if text]
            for text in found:
                await socket.send_json(
                    {"type": f"{TEXTS}.completed", "item_id": "i", "transcript": text}
                )
            if not found:
                error = {"code": "input_audio_buffer_commit_empty", "message": "too small"}
                await socket.send_json({"type": "error", "error": error})

    async def _tell(self, socket: web.WebSocketResponse, text: str, *, final: bool) -> None:
        if final:
            self._waiting = text
        else:
            await socket.send_json({"type": f"{TEXTS}.delta", "item_id": "i", "delta": text})
