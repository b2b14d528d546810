"""Vonage's media socket: raw PCM as binary messages, JSON text for the events.

Vonage is the client. It wants every binary message to be exactly 20 ms, at any pace up to 60 s
ahead. Tests with Vonage showed that it cuts a longer message to one frame and fills a shorter one
with noise. https://developer.vonage.com/en/voice/voice-api/concepts/websockets
"""

from __future__ import annotations

import json
import re

from providers.base.media import Audio, Cleared, Digit, Frame, MarkPlayed, StreamStart, UnknownFrame
from providers.common.audio import SAMPLE_WIDTH
from providers.common.json_types import JsonDict
from providers.errors import BadRequest

# Bytes or characters of one message; Vonage's own have at most a few hundred.
MAX_MESSAGE = 64 * 1024
FRAMES_PER_SECOND = 50
CONTENT_TYPE = re.compile(r"audio/l16;\s*rate=(8000|16000|24000)")
# All other fields of ``websocket:connected`` are the endpoint's ``headers``, flattened.
OWN_FIELDS = ("event", "content-type")


class VonageSerializer:
    """The serializer of one media socket.

    ``sample_rate`` is our NCCO's, unless Vonage names another.
    """

    def __init__(self) -> None:
        self.sample_rate = 16000
        self._kept = b""

    def decode(self, message: str | bytes) -> Frame:
        """Decode one message of Vonage's. Raises ``BadRequest``."""
        if len(message) > MAX_MESSAGE:
            raise BadRequest("Vonage: a message of over 64 kB on the media socket")
        if isinstance(message, str):
            return self._decode_text(_object(message))
        if len(message) % SAMPLE_WIDTH:
            raise BadRequest("Vonage: half a sample on the media socket")
        return Audio(message)

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """Encode frames of exactly 20 ms. The rest waits for the next call or ``flush``."""
        whole = self._kept + pcm
        size = self._frame_size
        end = len(whole) // size * size
        self._kept = whole[end:]
        return [whole[start : start + size] for start in range(0, end, size)]

    def flush(self) -> list[str | bytes]:
        """The kept rest, padded with silence."""
        if not self._kept:
            return []
        frame, self._kept = self._kept.ljust(self._frame_size, b"\0"), b""
        return [frame]

    def mark(self, name: str) -> list[str | bytes]:
        """Send a notify action. Vonage returns its payload once all audio before it is played."""
        return [json.dumps({"action": "notify", "payload": {"mark": name}})]

    def clear(self) -> list[str | bytes]:
        """Drop the audio that Vonage has not played, and the rest that is kept here."""
        self._kept = b""
        return [json.dumps({"action": "clear"})]

    @property
    def _frame_size(self) -> int:
        return self.sample_rate // FRAMES_PER_SECOND * SAMPLE_WIDTH

    def _decode_text(self, fields: JsonDict) -> Frame:
        match fields.get("event"):
            case "websocket:connected":
                return self._start(fields)
            case "websocket:dtmf":
                return _digit(fields)
            case "websocket:notify":
                return _mark(fields)
            case "websocket:cleared":
                return Cleared()
            case str(word):
                return UnknownFrame(word[:100])
            case _:
                raise BadRequest("Vonage: a text message without the name of its event")

    def _start(self, fields: JsonDict) -> StreamStart:
        """Decode the start.

        Vonage names neither its leg nor its account here: the URL's token and ``headers`` do.
        """
        spoken = CONTENT_TYPE.fullmatch(str(fields.get("content-type")).lower())
        if spoken is None:
            raise BadRequest("Vonage: the socket's content-type is no audio/l16 of a known rate")
        self.sample_rate = int(spoken[1])
        parameters = {name: value for name, value in fields.items() if name not in OWN_FIELDS}
        return StreamStart(None, None, None, self.sample_rate, parameters)


def _object(message: str) -> JsonDict:
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise BadRequest("Vonage: a text message that is not JSON") from error
    if not isinstance(fields, dict):
        raise BadRequest("Vonage: a text message that is not a JSON object")
    return fields


def _digit(fields: JsonDict) -> Digit:
    digit = fields.get("digit")
    if not isinstance(digit, str) or not re.fullmatch(r"[0-9*#A-D]", digit):
        raise BadRequest("Vonage: a key that no phone has")
    return Digit(digit)


def _mark(fields: JsonDict) -> Frame:
    payload = fields.get("payload")
    name = payload.get("mark") if isinstance(payload, dict) else None
    return MarkPlayed(name) if isinstance(name, str) else UnknownFrame("websocket:notify")
