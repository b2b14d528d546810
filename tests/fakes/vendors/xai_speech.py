"""xAI's ``POST /v1/tts``. https://docs.x.ai/docs/guides/voice"""

from __future__ import annotations

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import HttpStandIn


class XaiSpeech(HttpStandIn):
    """Plain PCM."""

    def rate(self, asked: Asked) -> int:
        assert asked.path == "/v1/tts"
        assert asked.body["output_format"]["codec"] == "pcm"
        return int(asked.body["output_format"]["sample_rate"])
