"""A leg at Twilio, step by step, against a whole bridge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from websockets.sync.client import ClientConnection, connect

from providers.twilio import signature as twilio
from tests.bridge import ACCOUNT, AUTH_TOKEN, Bridge
from tests.fakes.carriers.requests import call_sid, target, twilio_arrival, twilio_post
from tests.fakes.client_server import Receiver

ECHO = {"transport": {"provider": "echo"}}
THERE = {"type": "number", "number": "+14155550188"}


class Caller:
    """A leg at Twilio, step by step: arrived, in its media socket, asking what now."""

    def __init__(
        self, bridge: Bridge, receiver: Receiver, assistant: Mapping[str, Any] = ECHO
    ) -> None:
        self.bridge = bridge
        self.sid = call_sid()
        body = {**assistant, "server": {"url": receiver.url}}
        assistant = bridge.api("POST", "/assistant", body, expect=201)
        path = f"/twilio/inbound_call?assistantId={assistant['id']}"
        self.document = self.ask(path)
        self.call_id = str(self.parameter("callId"))

    def ask(self, path: str, **fields: str) -> ElementTree.Element:
        status, body = twilio_post(self.bridge, path, None, **twilio_arrival(self.sid, **fields))
        assert status == 200, body
        return ElementTree.fromstring(body)

    def parameter(self, name: str) -> str | None:
        found = (each for each in self.document.iter("Parameter") if each.get("name") == name)
        return next(found).get("value")

    @property
    def media_url(self) -> str:
        return next(self.document.iter("Stream")).get("url", "")

    def join(self) -> ClientConnection:
        """The media socket, once the assistant is in."""
        url = self.media_url
        signed = {"X-Twilio-Signature": signature(url)}
        socket = connect(url, additional_headers=signed, compression=None, proxy=None)
        start = {
            "accountSid": ACCOUNT,
            "callSid": self.sid,
            "streamSid": "MZ" + self.sid[2:],
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"callId": self.call_id},
        }
        socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        message = {"event": "start", "sequenceNumber": "1", "start": start}
        socket.send(json.dumps({**message, "streamSid": start["streamSid"]}))
        self.bridge.until(self.call_id, "in-progress")
        return socket

    def transfer(self, destination: Mapping[str, Any] = THERE) -> tuple[int, Any]:
        body = {"type": "transfer", "destination": destination}
        return self.bridge.ask("POST", f"/call/{self.call_id}/control", body)

    def after(self) -> ElementTree.Element:
        """The verb behind the stream, whose socket is closed."""
        url = next(self.document.iter("Redirect")).text or ""
        return self.ask(target(url), CallStatus="in-progress")

    def dialled(self, dial: ElementTree.Element, word: str) -> ElementTree.Element:
        """``<Dial>`` is over."""
        action = next(dial.iter("Dial")).get("action", "")
        fields = {"DialCallStatus": word, "DialCallSid": call_sid(), "CallStatus": "in-progress"}
        self.document = self.ask(target(action), **fields)
        return self.document


def signature(url: str) -> str:
    return twilio.compute(AUTH_TOKEN, url, ())


def closed(socket: ClientConnection) -> int | None:
    """The code the bridge closed with."""
    for _ in socket:
        pass
    return socket.close_code
