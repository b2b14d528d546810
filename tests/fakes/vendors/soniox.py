"""Soniox' websocket. https://soniox.com/docs/stt/api-reference/websocket-api"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.fakes.vendors.ears import Ears, Heard, Recogniser


class Soniox(Ears):
    """Tokens, final or not; ``<end>`` ends a turn, ``<fin>`` one that the client ended."""

    def __init__(self, *script: str) -> None:
        super().__init__(*script)
        self.error: tuple[int, str] | None = None
        """Code and text of an error behind which every socket is closed."""

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        if "api_key" in body:
            self._ears = Recogniser(self.script, body["sample_rate"])
            if self.error:
                code, text = self.error
                answer = {"tokens": [], "error_code": code, "error_message": text}
                await socket.send_json(answer)
                await socket.close()
        elif body.get("type") == "finalize" and not self.mute:
            for heard in self._ears.finish():
                await socket.send_json(tokens(heard, "<fin>"))

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        for heard in self._ears.feed(sound):
            await socket.send_json(tokens(heard, "<end>"))


def tokens(heard: Heard, end: str) -> dict[str, Any]:
    words = heard.text.split(" ")
    texts = [words[0], *(f" {word}" for word in words[1:])]
    found = [{"text": text, "is_final": heard.final, "confidence": 0.9} for text in texts]
    ends = [{"text": end, "is_final": True}] if heard.final else []
    return {"tokens": [*found, *ends], "final_audio_proc_ms": 0, "total_audio_proc_ms": 0}
