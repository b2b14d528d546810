"""A customer's own voice server. https://docs.vapi.ai/customization/custom-voices/custom-tts"""

from __future__ import annotations

import json

from tests.vendors.standin import Asked, HttpStandIn


class CustomVoice(HttpStandIn):
    """Answers ``voice-request``."""

    def rate(self, asked: Asked) -> int:
        message = json.loads(asked.body)["message"]
        assert message["type"] == "voice-request"
        return int(message["sampleRate"])
