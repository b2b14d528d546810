"""A call to a number at Twilio, step by step, against a whole bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from websockets.sync.client import ClientConnection, connect

from providers.common import audio
from tests.bridge import Bridge
from tests.fakes.carriers.accounts import ACCOUNT
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO, TwilioCaller
from tests.fakes.client_server import Receiver

ECHO = {"transport": {"provider": "echo"}}
THERE = {"type": "number", "number": "+14155550188"}


class InboundCall:
    """Arrived, in its media socket, asking what now."""

    def __init__(
        self, bridge: Bridge, receiver: Receiver, assistant: Mapping[str, Any] = ECHO
    ) -> None:
        self.bridge = bridge
        self.sid = TWILIO.new_ref()
        body = {**assistant, "server": {"url": receiver.url}}
        assistant = bridge.api("POST", "/assistant", body, expect=201)
        path = f"/twilio/inbound_call?assistantId={assistant['id']}"
        self.document = self.ask(path)
        self.call_id = str(self.parameter("callId"))
        parameters = {"callId": self.call_id}
        self.media = TwilioCaller("MZ" + self.sid[2:], self.sid, ACCOUNT, parameters)

    def ask(self, path: str, **fields: str) -> ElementTree.Element:
        status, body = TWILIO.send(self.bridge, path, TWILIO.arrival(self.sid, **fields))
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
        signed = TWILIO.signer.handshake(self.media_url)
        socket = connect(self.media_url, additional_headers=signed, compression=None, proxy=None)
        for message in self.media.opening():
            socket.send(message)
        self.bridge.until(self.call_id, "in-progress")
        return socket

    def is_up(self, socket: ClientConnection) -> bool:
        """The echo repeats what the caller says."""
        socket.send(self.media.sound(audio.mulaw_to_pcm(b"\x10" * 160)))
        return self.media.heard(socket.recv(timeout=20)) is not None

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
        fields = {
            "DialCallStatus": word,
            "DialCallSid": TWILIO.new_ref(),
            "CallStatus": "in-progress",
        }
        self.document = self.ask(target(action), **fields)
        return self.document


def closed(socket: ClientConnection) -> int | None:
    """The code the bridge closed with."""
    for _ in socket:
        pass
    return socket.close_code
