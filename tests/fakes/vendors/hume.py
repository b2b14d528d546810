"""Hume's ``POST /v0/tts/stream/json``. https://dev.hume.ai/reference/text-to-speech-tts"""

from __future__ import annotations

import base64
import json

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import JsonStandIn


class Hume(JsonStandIn):
    """Lines of JSON, with sound in base64; its ``pcm`` is 48 kHz, always."""

    def rate(self, asked: Asked) -> int:
        assert asked.path == "/v0/tts/stream/json"
        assert asked.body["format"] == {"type": "pcm"}
        assert [set(each) >= {"text", "voice"} for each in asked.body["utterances"]] == [True]
        return 48_000

    def piece(self, pcm: bytes) -> bytes:
        audio = base64.b64encode(pcm).decode()
        chunk = {"type": "audio", "audio": audio, "chunk_index": 0, "is_last_chunk": False}
        return json.dumps(chunk).encode() + b"\n"

    def end(self) -> bytes:
        timed = {"type": "timestamp", "timestamp": {"type": "word", "text": "Hello"}}
        return json.dumps(timed).encode() + b"\n"

    def refused(self) -> bytes:
        return json.dumps({"type": "error", "message": self.says}).encode()
