"""Twilio's end of a media stream, at a server whose TwiML we were given.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from providers.base.media import Audio, UnknownFrame
from providers.base.rest import Account
from providers.base.stream_client import ClearAsked, MarkAsked, ServerFrame, ServersStream
from providers.common.json_types import JsonObject
from providers.errors import BadRequest
from providers.twilio.signature import HEADER, compute
from providers.twilio.stream_messages import SAMPLE_RATE, StreamMessages, payload_pcm

MAX_DOCUMENT = 64_000
"""Characters; Twilio itself takes fewer."""
NO_ACCOUNT = f"AC{'0' * 32}"
"""The account of a stream that no account signs."""


def open_stream(details: JsonObject, account: Account | None, leg: str) -> ServersStream | None:
    """The stream of ``details["twiml"]``; None: there is no TwiML.

    The CallSid is derived from ``leg``. It is none of Twilio's, so the server cannot change a leg
    through Twilio's API. Raises ``BadRequest``.
    """
    document = details.get("twiml")
    if document is None:
        return None
    url, parameters = _read(document)
    client = TwilioStreamClient(account.ref if account else NO_ACCOUNT, leg, parameters)
    return ServersStream(url, _handshake(url, account), client)


class TwilioStreamClient:
    """What Twilio sends on one stream, and what it understands."""

    sample_rate = SAMPLE_RATE

    def __init__(self, account_sid: str, leg: str, parameters: Mapping[str, str]) -> None:
        call_sid = f"CA{hashlib.sha256(leg.encode()).hexdigest()[:32]}"
        self._messages = StreamMessages(account_sid, call_sid, parameters)

    def opening(self) -> list[str | bytes]:
        return [self._messages.connected(), self._messages.start()]

    def audio(self, pcm: bytes) -> list[str | bytes]:
        return [self._messages.media(pcm)] if pcm else []

    def digit(self, digit: str) -> list[str | bytes]:
        return [self._messages.dtmf(digit)]

    def mark_played(self, name: str) -> list[str | bytes]:
        return [self._messages.mark(name)]

    def stop(self) -> list[str | bytes]:
        return [self._messages.stop()]

    def decode(self, message: str | bytes) -> ServerFrame:
        """One message of the server. Raises ``BadRequest`` for what breaks a stream at Twilio."""
        try:
            body = json.loads(message) if isinstance(message, str) else None
            if not isinstance(body, dict) or body.get("streamSid") != self._messages.sid:
                raise ValueError("no JSON text with the stream's streamSid")
            return _decoded(body)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadRequest(f"a message that Twilio does not take: {error}") from error


def _decoded(body: JsonObject) -> ServerFrame:
    match body.get("event"):
        case "media":
            return Audio(payload_pcm(body))
        case "mark":
            return MarkAsked(str(body["mark"]["name"]))
        case "clear":
            return ClearAsked()
        case word:
            return UnknownFrame(str(word)[:40])


def _read(document: object) -> tuple[str, dict[str, str]]:
    """The first stream's URL and parameters."""
    if not isinstance(document, str) or len(document) > MAX_DOCUMENT or "<!" in document:
        raise BadRequest("the TwiML is no text, is too long, or declares entities")
    try:
        found = ET.fromstring(document.encode()).find("./Connect/Stream")  # noqa: S314
    except (ET.ParseError, ValueError, LookupError) as error:  # the latter two: of its encoding
        raise BadRequest(f"the TwiML is not XML: {error}") from error
    url = found.get("url", "") if found is not None else ""
    if found is None or not url.startswith(("wss://", "ws://")):
        raise BadRequest("the TwiML has no <Connect><Stream> with a wss:// URL")
    named = {each.get("name", ""): each.get("value", "") for each in found.findall("Parameter")}
    return url, named


def _handshake(url: str, account: Account | None) -> dict[str, str]:
    tokens = account.secrets.get("authTokens") if account else None
    return {HEADER: compute(tokens[0], url)} if tokens else {}
