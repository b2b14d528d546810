"""A customer's own voice server. https://docs.vapi.ai/customization/custom-voices/custom-tts"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import HttpStandIn


@dataclass
class CustomVoice(HttpStandIn):
    """Answers ``voice-request``."""

    instead: tuple[bytes, str] | None = None
    """Body and content type of an answer that is no sound."""
    moved: str = ""
    """Where a refusal points to."""

    def refusal(self) -> web.Response:
        return web.Response(
            status=self.status or 500, text=self.says, headers={"Location": self.moved}
        )

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        if self.instead is not None:
            body, kind = self.instead
            return web.Response(body=body, content_type=kind)
        return await super().answer(request, asked)

    def rate(self, asked: Asked) -> int:
        message = asked.body["message"]
        assert message["type"] == "voice-request"
        return int(message["sampleRate"])
