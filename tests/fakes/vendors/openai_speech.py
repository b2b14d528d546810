"""OpenAI's ``POST /audio/speech``. https://platform.openai.com/docs/api-reference/audio/createSpeech"""

from __future__ import annotations

from aiohttp import web

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import HttpStandIn


class OpenAISpeech(HttpStandIn):
    """Its ``pcm`` is 24 kHz, always."""

    def rate(self, asked: Asked) -> int:
        body = asked.body
        assert asked.path == "/v1/audio/speech"
        assert body["response_format"] == "pcm"
        return 24000

    def refusal(self) -> web.Response:
        error = {"message": self.says, "type": "invalid_request_error", "code": None}
        return web.json_response({"error": error}, status=self.status or 500)
