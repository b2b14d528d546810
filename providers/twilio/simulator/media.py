"""The simulated Twilio's end of Media Streams: JSON text frames, mu-law at 8 kHz.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import uuid4

from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw
from providers.simulation.media_socket import FRAME_SECONDS, MediaSocket

SAMPLE_RATE = 8000
MULAW_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": SAMPLE_RATE, "channels": 1}


class MediaStream(MediaSocket):
    """One ``<Stream>``. All numbers in its messages are strings, as Twilio sends them."""

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        speed: float,
        *,
        account_sid: str,
        call_sid: str,
        parameters: Mapping[str, str],
    ) -> None:
        super().__init__(url, headers, speed)
        self.sid = f"MZ{uuid4().hex}"
        self._refs = {"accountSid": account_sid, "callSid": call_sid}
        self._parameters = dict(parameters)
        self._sequence = count(1)
        self._chunk = count(1)
        self._lock = threading.Lock()

    def hello(self) -> None:
        self.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = self._refs | {
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": MULAW_FORMAT,
            "customParameters": self._parameters,
        }
        self._say("start", start)

    def frame(self, pcm: bytes) -> None:
        chunk = next(self._chunk)
        media = {
            "track": "inbound",
            "chunk": str(chunk),
            "timestamp": str(round(chunk * FRAME_SECONDS * 1000)),
            "payload": base64.b64encode(pcm_to_mulaw(pcm)).decode(),
        }
        self._say("media", media)

    def press(self, digit: str) -> None:
        self._say("dtmf", {"track": "inbound_track", "digit": digit})

    def goodbye(self) -> None:
        self._say("stop", dict(self._refs))

    def received(self, message: str | bytes) -> None:
        """Take ``media``, ``mark`` and ``clear``.

        Any other message breaks a real stream (31950, 31951).
        """
        try:
            frame = json.loads(message) if isinstance(message, str) else None
            event = frame["event"] if isinstance(frame, dict) else None
            if not isinstance(frame, dict) or frame.get("streamSid") != self.sid:
                raise ValueError("no JSON text with the stream's streamSid")
            self._apply(event, frame)
        except (ValueError, KeyError, TypeError) as error:
            self.faults.append(f"31950: malformed message {message[:80]!r} ({error})")

    def _apply(self, event: object, frame: dict[str, Any]) -> None:
        if event == "media":
            sound = base64.b64decode(frame["media"]["payload"], validate=True)
            self.sound(mulaw_to_pcm(sound))
        elif event == "mark":
            self.playout.mark(frame["mark"]["name"])
        elif event == "clear":
            self.cleared()
        else:
            raise ValueError(f"31951: unknown event {event!r}")

    def _mark_played(self, mark: Any) -> None:
        self._say("mark", {"name": mark})

    def _say(self, event: str, body: Mapping[str, Any]) -> None:
        """Number and send a message under a lock: three threads send here."""
        with self._lock:
            number = str(next(self._sequence))
            message = {"event": event, "sequenceNumber": number, event: body, "streamSid": self.sid}
            self.send(json.dumps(message))
