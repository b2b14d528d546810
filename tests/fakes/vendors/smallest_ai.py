"""Smallest AI's ``POST /api/v1/{model}/get_speech``. https://waves-docs.smallest.ai"""

from __future__ import annotations

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import HttpStandIn


class SmallestAI(HttpStandIn):
    """Plain PCM, where it is asked for."""

    def rate(self, asked: Asked) -> int:
        assert asked.path.startswith("/api/v1/lightning")
        assert asked.path.endswith("/get_speech")
        assert not asked.body.get("add_wav_header", True) or asked.body["output_format"] == "pcm"
        return int(asked.body["sample_rate"])
