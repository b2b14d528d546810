"""Media Streams messages: JSON text with mu-law audio in base64, 8000 samples a second.

The serializer knows no call and closes no socket: the media session decides what a frame means.
https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from providers.base.media import (
    Audio,
    Digit,
    Frame,
    MarkPlayed,
    StreamStart,
    StreamStop,
    UnknownFrame,
)
from providers.common import audio
from providers.common.json_types import JsonDict
from providers.errors import BadRequest
from providers.twilio.config import ACCOUNT_SID, CALL_SID, STREAM_SID

SAMPLE_RATE = 8000
# Characters; Twilio's own are below 500.
MAX_MESSAGE = 64 * 1024

_DIGIT = re.compile(r"[0-9*#A-D]")
_MULAW = {"encoding": "audio/x-mulaw", "sampleRate": SAMPLE_RATE, "channels": 1}


class TwilioSerializer:
    """The serializer of one media socket.

    It stores the stream's id, which every message to Twilio names.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self) -> None:
        self._stream: str | None = None
        self._odd = b""

    def decode(self, message: str | bytes) -> Frame:
        """Decode one message of Twilio's.

        ``connected`` is not used: it becomes an unknown frame of that name. Raises ``BadRequest``
        for what Twilio cannot have sent. That is a binary message, one over 64 kB, or not a JSON
        object. Audio before ``start`` or of another stream is refused too.
        """
        body = json_object(message)
        word = body.get("event")
        if not isinstance(word, str):
            raise BadRequest("a media message without an event")
        if word not in _READERS:
            return UnknownFrame(word[:40])
        if word != "start" and (self._stream is None or body.get("streamSid") != self._stream):
            raise BadRequest(f"{word} before start, or of another stream")
        return _READERS[word](self, body)

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """Encode audio of any length as one message; Twilio buffers it.

        Half a sample waits for its other half. Raises ``ValueError`` before ``start`` was decoded,
        as ``mark`` and ``clear`` do.
        """
        pcm = self._odd + pcm
        whole = len(pcm) // audio.SAMPLE_WIDTH * audio.SAMPLE_WIDTH
        self._odd = pcm[whole:]
        if not whole:
            return []
        payload = base64.b64encode(audio.pcm_to_mulaw(pcm[:whole])).decode()
        return [self._message("media", media={"payload": payload})]

    def flush(self) -> list[str | bytes]:
        """The half sample that ``audio`` kept back, if any."""
        return self.audio(b"\0") if self._odd else []

    def mark(self, name: str) -> list[str | bytes]:
        """Send a mark.

        Twilio returns it once all audio before it was played, or cleared.
        https://www.twilio.com/docs/voice/media-streams/websocket-messages#mark-message
        """
        return [self._message("mark", mark={"name": name})]

    def clear(self) -> list[str | bytes]:
        """Drop the audio that was not played yet."""
        self._odd = b""
        return [self._message("clear")]

    def _message(self, event: str, **more: Any) -> str:
        if self._stream is None:
            raise ValueError("nothing can be sent before the stream's start")
        return json.dumps({"event": event, "streamSid": self._stream, **more})

    def _start(self, body: JsonDict) -> Frame:
        start = _member(body, "start")
        stream, call, account = (
            start.get("streamSid"),
            start.get("callSid"),
            start.get("accountSid"),
        )
        if (
            self._stream is not None
            or not _sid(STREAM_SID, stream)
            or body.get("streamSid") != stream
        ):
            raise BadRequest("a second start, or one without a stream's id")
        if not _sid(CALL_SID, call) or not _sid(ACCOUNT_SID, account):
            raise BadRequest("start names no call or no account")
        if not _is_mulaw(start.get("mediaFormat")):
            raise BadRequest("start announces another sound than mu-law, 8000 Hz, mono")
        parameters = start.get("customParameters") or {}
        if not isinstance(parameters, dict):
            raise BadRequest("customParameters is no object")
        self._stream = stream
        return StreamStart(stream, call, account, SAMPLE_RATE, parameters)

    def _media(self, body: JsonDict) -> Frame:
        media = _member(body, "media")
        if media.get("track", "inbound") != "inbound":
            return UnknownFrame("media of another track")
        try:
            mulaw = base64.b64decode(media.get("payload", ""), validate=True)
        except (ValueError, TypeError) as error:
            raise BadRequest("media whose payload is not base64") from error
        return Audio(audio.mulaw_to_pcm(mulaw))

    def _dtmf(self, body: JsonDict) -> Frame:
        digit = _member(body, "dtmf").get("digit")
        if not _sid(_DIGIT, digit):
            raise BadRequest("dtmf without a digit")
        return Digit(str(digit))

    def _mark(self, body: JsonDict) -> Frame:
        name = _member(body, "mark").get("name")
        if not isinstance(name, str):
            raise BadRequest("a mark without a name")
        return MarkPlayed(name)

    def _stop(self, body: JsonDict) -> Frame:
        """The stream is over. The call may go on: the flow's owner may have redirected it."""
        return StreamStop()


_READERS: dict[str, Callable[[TwilioSerializer, JsonDict], Frame]] = {
    "start": TwilioSerializer._start,
    "media": TwilioSerializer._media,
    "dtmf": TwilioSerializer._dtmf,
    "mark": TwilioSerializer._mark,
    "stop": TwilioSerializer._stop,
}


def json_object(message: str | bytes) -> JsonDict:
    """A message of one of Twilio's sockets. Raises ``BadRequest``."""
    if isinstance(message, bytes):
        raise BadRequest("a binary message; Twilio sends text")
    if len(message) > MAX_MESSAGE:
        raise BadRequest("a media message over 64 kB")
    try:
        body = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise BadRequest("a media message that is not JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("a media message that is no object")
    return body


def _is_mulaw(given: Any) -> bool:
    """Whether the format is ours. Members that we do not know may join it one day."""
    return isinstance(given, dict) and all(given.get(name) == _MULAW[name] for name in _MULAW)


def _member(body: JsonDict, name: str) -> JsonDict:
    member = body.get(name)
    if not isinstance(member, dict):
        raise BadRequest(f"a media message without {name}")
    return member


def _sid(shape: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and shape.fullmatch(value) is not None
