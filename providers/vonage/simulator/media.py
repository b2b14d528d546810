"""The simulated Vonage's end of a media socket: binary PCM frames of exactly 20 ms, JSON events.

https://developer.vonage.com/en/voice/voice-api/concepts/websockets
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from providers.common.audio import SAMPLE_WIDTH
from providers.common.json_types import JsonObject
from providers.simulation.media_socket import FRAME_SECONDS, MediaSocket

AUDIO = re.compile(r"audio/l16;rate=(8000|16000|24000)")


def connected(content_type: str, headers: JsonObject) -> str:
    """The first message: the endpoint's headers lie flat beside Vonage's own fields."""
    own = {"event": "websocket:connected", "content-type": content_type}
    return json.dumps({**own, **headers})


def dtmf(digit: str) -> str:
    return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})


def notified(payload: Any) -> str:
    """The answer to ``notify``, once the sound before it is played."""
    return json.dumps({"event": "websocket:notify", "payload": payload})


def cleared() -> str:
    """The answer to ``clear``."""
    return json.dumps({"event": "websocket:cleared"})


class VonageSocket(MediaSocket):
    """One websocket endpoint. Raises ``ValueError`` for a content type Vonage does not know."""

    # Vonage's gateway offers it, and works without.
    subprotocols = ("WSBRIDGE",)

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        speed: float,
        *,
        content_type: str,
        own_headers: JsonObject,
    ) -> None:
        audio = AUDIO.fullmatch(content_type)
        if audio is None:
            raise ValueError(f"content-type {content_type!r} is none of Vonage's")
        super().__init__(url, headers, speed)
        self.sample_rate = int(audio[1])
        self._connected = connected(content_type, own_headers)

    @property
    def frame_bytes(self) -> int:
        return int(self.sample_rate * FRAME_SECONDS) * SAMPLE_WIDTH

    def hello(self) -> None:
        self.send(self._connected)

    def frame(self, pcm: bytes) -> None:
        self.send(pcm)

    def press(self, digit: str) -> None:
        self.send(dtmf(digit))

    def goodbye(self) -> None:
        """Send nothing: Vonage only closes the socket."""

    def received(self, message: str | bytes) -> None:
        """Take frames, ``clear`` and ``notify``. A frame of another size would sound as noise."""
        if isinstance(message, bytes):
            if len(message) != self.frame_bytes:
                self.faults.append(f"a frame of {len(message)} bytes, not {self.frame_bytes}")
            self.sound(message)
            return
        try:
            command = json.loads(message)
            action = command["action"]
        except (ValueError, KeyError, TypeError):
            command, action = {}, None
        if action == "notify" and isinstance(command.get("payload"), dict):
            self.playout.mark(command["payload"])
        elif action == "clear":
            self.cleared()
            self.send(cleared())
        else:
            self.faults.append(f"no command of Vonage's: {message[:80]!r}")

    def _mark_played(self, mark: Any) -> None:
        self.send(notified(mark))
