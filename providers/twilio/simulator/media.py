"""The simulated Twilio's end of Media Streams: JSON text frames, mu-law at 8 kHz.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

from providers.common.audio import mulaw_to_pcm, pcm_to_mulaw
from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.media_socket import FRAME_SECONDS, MediaSocket

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
        chunk = next(self._chunk)
        payload = base64.b64encode(pcm_to_mulaw(pcm)).decode()
        milliseconds = round(chunk * FRAME_SECONDS * 1000)
        media = {"track": "inbound", "chunk": str(chunk), "timestamp": str(milliseconds)}
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


class MediaStream(MediaSocket):
    """One ``<Stream>``."""

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
        self._messages = StreamMessages(account_sid, call_sid, parameters)
        self._lock = threading.Lock()

    @property
    def sid(self) -> str:
        return self._messages.sid

    def hello(self) -> None:
        self._say(self._messages.connected)
        self._say(self._messages.start)

    def frame(self, pcm: bytes) -> None:
        self._say(partial(self._messages.media, pcm))

    def press(self, digit: str) -> None:
        self._say(partial(self._messages.dtmf, digit))

    def goodbye(self) -> None:
        self._say(self._messages.stop)

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

    def _apply(self, event: object, frame: JsonDict) -> None:
        if event == "media":
            self.sound(payload_pcm(frame))
        elif event == "mark":
            self.playout.mark(frame["mark"]["name"])
        elif event == "clear":
            self.cleared()
        else:
            raise ValueError(f"31951: unknown event {event!r}")

    def _mark_played(self, mark: Any) -> None:
        self._say(partial(self._messages.mark, mark))

    def _say(self, message: Callable[[], str]) -> None:
        """Numbered and sent in one go: three threads speak here."""
        with self._lock:
            self.send(message())
