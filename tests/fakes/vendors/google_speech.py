"""Google's ``POST /v1/text:synthesize``.

https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize
"""

from __future__ import annotations

import base64
import io
import json
import wave

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import JsonStandIn


class GoogleSpeech(JsonStandIn):
    """One JSON object in several lines, with a whole WAV file in base64."""

    pieces = 1

    def rate(self, asked: Asked) -> int:
        audio, voice = asked.body["audioConfig"], asked.body["voice"]
        assert asked.path == "/v1/text:synthesize"
        assert voice["name"].startswith(voice["languageCode"])
        assert audio["audioEncoding"] == "LINEAR16"
        self.made = int(audio["sampleRateHertz"])
        return self.made

    def piece(self, pcm: bytes) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as made:
            made.setnchannels(1)
            made.setsampwidth(2)
            made.setframerate(self.made)
            made.writeframes(pcm)
        content = {"audioContent": base64.b64encode(file.getvalue()).decode()}
        return json.dumps(content, indent=2).encode()

    def refused(self) -> bytes:
        return json.dumps({"error": {"code": 400, "message": self.says}}).encode()
