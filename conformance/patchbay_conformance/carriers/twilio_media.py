"""Twilio's end of a ``<Stream>``.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from patchbay_conformance.carriers.base import Document, Leg, parsed
from patchbay_conformance.carriers.media import MediaSocket
from patchbay_conformance.verdict import Failed, expect


class TwilioSocket(MediaSocket):
    """One ``<Stream>``: JSON text, mu-law at 8 kHz. All numbers are strings, as Twilio sends them."""

    LOUD = base64.b64encode(b"\x10\x90" * 80).decode()

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        seconds: float,
        account: str,
        leg: Leg,
        document: Document,
    ) -> None:
        super().__init__(url, headers, seconds)
        self._sid, self._leg = f"MZ{uuid4().hex}", leg
        self._account, self._custom = account, dict(document.custom)
        self._numbers, self._chunks = itertools.count(1), itertools.count(1)

    def join(self) -> None:
        self.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            "accountSid": self._account,
            "streamSid": self._sid,
            "callSid": self._leg.ref,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._custom,
        }
        self._say("start", start)

    def speak(self) -> None:
        chunk = next(self._chunks)
        media = {"track": "inbound", "chunk": str(chunk), "timestamp": str(20 * chunk)}
        self._say("media", {**media, "payload": self.LOUD})

    def heard(self, message: str | bytes) -> bool:
        expect(isinstance(message, str), "a message to Twilio is binary (error 31950)")
        body = parsed(message, "a message to Twilio")
        if body.get("event") == "mark":
            self._say("mark", {"name": body["mark"]["name"]})
        if body.get("event") != "media":
            return False
        expect(body.get("streamSid") == self._sid, "a media message has another streamSid")
        try:
            return bool(base64.b64decode(body["media"]["payload"], validate=True))
        except (KeyError, TypeError, ValueError):
            raise Failed("a media message has no base64 payload") from None

    def hang_up(self) -> None:
        self._say("stop", {"accountSid": self._account, "callSid": self._leg.ref})
        self.close()

    def _say(self, event: str, body: Mapping[str, Any]) -> None:
        number = str(next(self._numbers))
        names = {"event": event, "sequenceNumber": number, "streamSid": self._sid}
        self.send(json.dumps({**names, event: body}))
