"""The media socket of a browser or a program: sound as binary messages, JSON text beside it.

The socket itself is the start: the other side sends none. Sound is raw, in messages of any length.
``{"type": "end-call"}`` of the other side ends the call; a mark comes back once it was played.
The names are those of Vapi's websocket transport. https://docs.vapi.ai/calls/websocket-transport
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from providers.base.media import (
    Audio,
    ClientMessage,
    Digit,
    Frame,
    MarkPlayed,
    MediaSerializer,
    StreamStop,
    UnknownFrame,
)
from providers.common import audio, foreign_json
from providers.common.json_types import JsonDict
from providers.errors import BadRequest

# Bytes or characters of one message: two seconds of PCM at the highest rate.
MAX_MESSAGE = 96 * 1024
MAX_NAME = 100
KEYS = frozenset("0123456789*#")
CONTROLS = frozenset({"say", "add-message", "control"})
"""Types of messages for the assistant; the media plane judges their fields."""


class PcmSerializer:
    """Signed 16-bit little-endian mono PCM, both ways."""

    def __init__(self, sample_rate: int = 16000) -> None:
        self.sample_rate = sample_rate

    def decode(self, message: str | bytes) -> Frame:
        """Decode one message. Raises ``BadRequest``."""
        if len(message) > MAX_MESSAGE:
            raise BadRequest("a message of over 96 kB on the media socket")
        if isinstance(message, str):
            return _text(message)
        return Audio(self._heard(message))

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """One message with all of it."""
        return [pcm] if pcm else []

    def flush(self) -> list[str | bytes]:
        """Nothing: ``audio`` keeps no rest."""
        return []

    def mark(self, name: str) -> list[str | bytes]:
        """Ask for the same message back once all sound before it is played."""
        return [json.dumps({"type": "mark", "name": name})]

    def clear(self) -> list[str | bytes]:
        """Tell the other side to drop what it has not played."""
        return [json.dumps({"type": "clear"})]

    def _heard(self, message: bytes) -> bytes:
        if len(message) % audio.SAMPLE_WIDTH:
            raise BadRequest("half a sample on the media socket")
        return message


class MulawSerializer(PcmSerializer):
    """G.711 mu-law at 8 kHz, both ways."""

    def __init__(self) -> None:
        super().__init__(8000)

    def audio(self, pcm: bytes) -> list[str | bytes]:
        return [audio.pcm_to_mulaw(pcm)] if pcm else []

    def _heard(self, message: bytes) -> bytes:
        return audio.mulaw_to_pcm(message)


FORMATS: Mapping[str, Callable[[], MediaSerializer]] = {
    "pcm_s16le 8000": partial(PcmSerializer, 8000),
    "pcm_s16le 16000": partial(PcmSerializer, 16000),
    "pcm_s16le 24000": partial(PcmSerializer, 24000),
    "mulaw 8000": MulawSerializer,
}
"""Format and sample rate of ``transport.audioFormat`` -> the serializer of its sockets."""


def _text(message: str) -> Frame:
    fields = _object(message)
    match fields.get("type"):
        case "end-call":
            return StreamStop()
        case "mark":
            name = fields.get("name")
            return MarkPlayed(name) if isinstance(name, str) else UnknownFrame("mark")
        case "dtmf":
            digit = fields.get("digit")
            known = isinstance(digit, str) and digit in KEYS
            return Digit(str(digit)) if known else UnknownFrame("dtmf")
        case str(word) if word in CONTROLS:
            return ClientMessage(fields)
        case str(word):
            return UnknownFrame(word[:MAX_NAME])
        case _:
            raise BadRequest("a text message without its type")


def _object(message: str) -> JsonDict:
    try:
        fields = foreign_json.parse(message)
    except ValueError as error:
        raise BadRequest("a text message that is not JSON") from error
    if not isinstance(fields, dict):
        raise BadRequest("a text message that is not a JSON object")
    return fields
