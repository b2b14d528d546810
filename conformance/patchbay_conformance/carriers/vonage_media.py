"""Vonage's end of the websocket of an NCCO.

https://developer.vonage.com/en/voice/voice-api/concepts/websockets
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from patchbay_conformance.carriers.base import Document, parsed
from patchbay_conformance.carriers.media import MediaSocket
from patchbay_conformance.verdict import expect

FRAME_BYTES = {8000: 320, 16000: 640, 24000: 960}
"""20 ms of 16-bit samples, by the rate."""


def sample_rate(content_type: str) -> int:
    """``audio/l16;rate=16000`` -> 16000; 0 for anything else."""
    kind, _, rate = content_type.replace(" ", "").partition(";rate=")
    return int(rate) if kind == "audio/l16" and rate.isdecimal() else 0


class VonageSocket(MediaSocket):
    """The websocket leg: 16-bit samples in binary messages of 20 ms, JSON in text messages."""

    def __init__(
        self, url: str, headers: Mapping[str, str], seconds: float, document: Document
    ) -> None:
        super().__init__(url, headers, seconds)
        custom = dict(document.custom)
        self._type = str(custom.pop("content-type"))
        self._custom = custom
        self._bytes = FRAME_BYTES[sample_rate(self._type)]

    def join(self) -> None:
        first = {"event": "websocket:connected", "content-type": self._type, **self._custom}
        self.send(json.dumps(first))

    def speak(self) -> None:
        self.send(b"\x00\x20\x00\xe0" * (self._bytes // 4))

    def heard(self, message: str | bytes) -> bool:
        if isinstance(message, str):
            body = parsed(message, "a message to Vonage")
            if body.get("action") == "notify":
                told = {"event": "websocket:notify", "payload": body.get("payload")}
                self.send(json.dumps(told))
            return False
        expect(len(message) == self._bytes, f"a binary message has {len(message)} bytes")
        return True

    def hang_up(self) -> None:
        self.close()
