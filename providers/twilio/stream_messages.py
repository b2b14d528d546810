"""The messages that Twilio sends on a media stream: JSON text frames, mu-law at 8 kHz.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import uuid4

from providers.common.audio import SAMPLE_WIDTH, mulaw_to_pcm, pcm_to_mulaw
from providers.common.json_types import JsonObject

SAMPLE_RATE = 8000
MULAW_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": SAMPLE_RATE, "channels": 1}


class StreamMessages:
    """What Twilio says on one ``<Stream>``. All numbers are strings, as Twilio sends them."""

    def __init__(
        self, account_sid: str, call_sid: str, parameters: Mapping[str, str], sid: str = ""
    ) -> None:
        self.sid = sid or f"MZ{uuid4().hex}"
        self._refs = {"accountSid": account_sid, "callSid": call_sid}
        self._parameters = dict(parameters)
        self._sequence = count(1)
        self._chunk = count(1)
        self._samples = 0

    def connected(self) -> str:
        return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, **changes: Any) -> str:
        """``changes`` replace fields of the inner object."""
        fields = self._refs | {
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": MULAW_FORMAT,
            "customParameters": self._parameters,
        }
        return self.message("start", fields | changes)

    def media(self, pcm: bytes) -> str:
        """The caller's sound."""
        self._samples += len(pcm) // SAMPLE_WIDTH
        payload = base64.b64encode(pcm_to_mulaw(pcm)).decode()
        milliseconds = round(self._samples * 1000 / SAMPLE_RATE)
        media = {
            "track": "inbound",
            "chunk": str(next(self._chunk)),
            "timestamp": str(milliseconds),
        }
        return self.message("media", media | {"payload": payload})

    def dtmf(self, digit: str) -> str:
        return self.message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self.message("mark", {"name": name})

    def stop(self) -> str:
        return self.message("stop", dict(self._refs))

    def message(self, event: str, body: JsonObject) -> str:
        """One numbered message."""
        number = str(next(self._sequence))
        fields = {"event": event, "sequenceNumber": number, event: body, "streamSid": self.sid}
        return json.dumps(fields)


def payload_pcm(frame: JsonObject) -> bytes:
    """The sound of a ``media`` message. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    return mulaw_to_pcm(base64.b64decode(frame["media"]["payload"], validate=True))
