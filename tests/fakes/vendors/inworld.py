"""Inworld's ``POST /tts/v1/voice:stream``. https://docs.inworld.ai/api-reference/ttsAPI"""

from __future__ import annotations

import base64
import json

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import JsonStandIn


class Inworld(JsonStandIn):
    """Lines of JSON, with sound in base64."""

    def rate(self, asked: Asked) -> int:
        audio = asked.body["audioConfig"]
        assert asked.path == "/tts/v1/voice:stream"
        assert audio["audioEncoding"] == "PCM"
        return int(audio["sampleRateHertz"])

    def piece(self, pcm: bytes) -> bytes:
        result = {"audioContent": base64.b64encode(pcm).decode(), "usage": {}}
        return json.dumps({"result": result}).encode() + b"\n"

    def refused(self) -> bytes:
        return json.dumps({"error": {"code": 5, "message": self.says, "details": []}}).encode()
