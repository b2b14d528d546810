"""The simulated Twilio's end of Media Streams.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from providers.common.json_types import JsonDict
from providers.simulation.media_socket import MediaSocket
from providers.twilio.stream_messages import SAMPLE_RATE, StreamMessages, payload_pcm


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
