"""MiniMax's ``POST /v1/t2a_v2``. https://platform.minimax.io/docs/api-reference/speech-t2a-http"""

from __future__ import annotations

import json

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import JsonStandIn


class MiniMax(JsonStandIn):
    """Events with hexadecimal sound. A refusal is HTTP 200."""

    kind = "text/event-stream"

    def rate(self, asked: Asked) -> int:
        body = asked.body
        assert asked.path == "/v1/t2a_v2"
        assert body["stream"]
        assert body["stream_options"] == {"exclude_aggregated_audio": True}
        assert (body["audio_setting"]["format"], body["audio_setting"]["channel"]) == ("pcm", 1)
        return int(body["audio_setting"]["sample_rate"])

    def piece(self, pcm: bytes) -> bytes:
        said = {"status_code": 0, "status_msg": ""}
        event = {"data": {"audio": pcm.hex(), "status": 1}, "trace_id": "a", "base_resp": said}
        return f"data: {json.dumps(event)}\n\n".encode()

    def end(self) -> bytes:
        event = {"data": {"audio": "", "status": 2}, "extra_info": {"audio_length": 200}}
        return f"data: {json.dumps(event)}\n\n".encode()

    def refused(self) -> bytes:
        return json.dumps({"base_resp": {"status_code": 1004, "status_msg": self.says}}).encode()
