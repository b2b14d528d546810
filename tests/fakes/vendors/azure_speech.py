"""Azure's REST speech. https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import HttpStandIn


class AzureSpeech(HttpStandIn):
    """Refuses what is not SSML by not parsing."""

    def rate(self, asked: Asked) -> int:
        assert asked.path == "/cognitiveservices/v1"
        ElementTree.fromstring(asked.body)
        found = re.fullmatch(
            r"raw-(\d+)khz-16bit-mono-pcm", asked.headers["X-Microsoft-OutputFormat"]
        )
        assert found
        return int(found[1]) * 1000
