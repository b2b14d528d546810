"""Neuphonic's ``POST /sse/speak/{language}``. https://docs.neuphonic.com/api-reference/sse"""

from __future__ import annotations

import base64
import json

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import JsonStandIn


class Neuphonic(JsonStandIn):
    """Events with sound in base64."""

    kind = "text/event-stream"

    def rate(self, asked: Asked) -> int:
        assert asked.path == f"/sse/speak/{asked.body['lang_code']}"
        assert asked.body["encoding"] == "pcm_linear"
        return int(asked.body["sampling_rate"])

    def piece(self, pcm: bytes) -> bytes:
        audio = base64.b64encode(pcm).decode()
        event = {"status_code": 200, "data": {"audio": audio, "text": "Hello"}}
        return f"event: message\ndata: {json.dumps(event)}\n\n".encode()

    def refused(self) -> bytes:
        event = {"status_code": 400, "data": None, "errors": [self.says]}
        return f"event: error\ndata: {json.dumps(event)}\n\n".encode()
