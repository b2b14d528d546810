"""A speech-to-speech model of a bench that answers at once: OpenAI's socket, beside ``bench.vendors``."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bench.sounds import RATE, SOUNDS
from providers.common.audio import audioop, pcm_to_mulaw
from tests.fakes.vendors.realtime_model import Active, Conversation, RealtimeModel, new_id
from tests.fakes.vendors.server import Asked

LINE_RATE = 8000
Log = dict[str, list[dict[str, float]]]


class SpeechModel(RealtimeModel):
    """It takes any key, and understands the same in every turn. ``log``: as of ``bench.vendors``."""

    def __init__(self, reply: str, log: Log) -> None:
        super().__init__(replies=[reply])
        self.log = log

    def refused(self, asked: Asked) -> web.Response | None:
        return None

    def next_text(self) -> str:
        return "This is an order"

    def session(
        self, socket: web.WebSocketResponse, request: web.Request, asked: Asked
    ) -> Conversation:
        self.sessions.clear()  # a bench has many
        return AtOnce(self, socket, request, asked)


@dataclass
class AtOnce(Conversation):
    """One session."""

    vendor: SpeechModel
    over: float = field(default=0.0)
    """The moment when the turn was over."""

    async def commit(self, told: dict[str, Any]) -> None:
        self.over = time.monotonic()
        self.said.clear()
        await super().commit(told)

    async def respond(self, told: dict[str, Any]) -> None:
        if self.over:
            name = str(self.config["instructions"])
            self.vendor.log[name].append({"heard": self.over, "asked": time.monotonic()})
            self.over = 0.0
        await super().respond(told)

    async def speak(self, active: Active, text: str) -> None:
        item = new_id("item")
        common = {"response_id": active.id, "item_id": item, "output_index": 0, "content_index": 0}
        added = {"id": item, "type": "message", "role": "assistant", "content": []}
        pcm, _ = audioop.ratecv(SOUNDS[text], 2, 1, RATE, LINE_RATE, None)
        self.sounds[item] = active.said = len(pcm) / 2 / LINE_RATE
        await self.event("conversation.item.added", item=added)
        await self.event("response.output_audio_transcript.delta", **common, delta=text)
        sound = base64.b64encode(pcm_to_mulaw(pcm)).decode()
        await self.event("response.output_audio.delta", **common, delta=sound)
        await self.done(active, "completed", [added])
