"""A user's own transcriber, as Vapi's page has it. https://docs.vapi.ai/customization/custom-transcriber"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.common.audio import audioop
from tests.fakes.vendors.ears import Ears, Recogniser


class CustomTranscriber(Ears):
    """Answers for both channels. ``typed``: with ``transcriptType``, and so with partial texts."""

    def __init__(self, *script: str, typed: bool = True) -> None:
        super().__init__(*script)
        self._typed = typed

    def channel(self, number: int) -> bytes:
        """What came: 0 the customer, 1 the assistant."""
        return audioop.tomono(bytes(self.sound), 2, 1 - number, number)

    async def read(self, socket: web.WebSocketResponse, body: dict[str, Any]) -> None:
        self._ears = [Recogniser(self.script, body["sampleRate"]) for _ in range(body["channels"])]

    async def hear(self, socket: web.WebSocketResponse, sound: bytes) -> None:
        channels = (audioop.tomono(sound, 2, 1, 0), audioop.tomono(sound, 2, 0, 1))
        for name, ears, pcm in zip(("customer", "assistant"), self._ears, channels, strict=True):
            for heard in ears.feed(pcm):
                answer = {
                    "type": "transcriber-response",
                    "transcription": heard.text,
                    "channel": name,
                }
                if self._typed:
                    answer["transcriptType"] = "final" if heard.final else "partial"
                if self._typed or heard.final:
                    await socket.send_json(answer)
