"""Vonage from outside: signed webhooks, NCCO, events, the websocket of an NCCO.

https://developer.vonage.com/en/getting-started/concepts/webhooks
https://developer.vonage.com/en/voice/voice-api/concepts/websockets
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

from patchbay_conformance.carriers.base import (
    Carrier,
    Document,
    Leg,
    Signed,
    absolute,
    parsed,
)
from patchbay_conformance.carriers.media import MediaSocket
from patchbay_conformance.carriers.vonage_media import FRAME_BYTES, VonageSocket, sample_rate
from patchbay_conformance.verdict import Failed, expect

JSON = "application/json"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(secret: str, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """A JSON Web Token by HS256 (RFC 7519)."""
    head = json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode()
    text = f"{_b64(head)}.{_b64(json.dumps(claims).encode())}"
    return f"{text}.{_b64(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


class Vonage(Carrier):
    """One account. ``signature_secret`` signs its requests."""

    name = "vonage"
    FAILED = "vonage-failed-to-connect-call"
    WORDS: ClassVar[Mapping[str, str]] = {
        "announced": "started",
        "ringing": "ringing",
        "answered": "answered",
        "completed": "completed",
        "busy": "busy",
        "no-answer": "timeout",
        "failed": "failed",
        "canceled": "cancelled",
        "rejected": "rejected",
        "unknown": "levitating",
    }

    def __init__(
        self,
        api_key: str,
        signature_secret: str,
        application_id: str,
        number: str,
        number_id: str,
    ) -> None:
        super().__init__(number, number_id)
        self.api_key, self.signature_secret = api_key, signature_secret
        self.application_id = application_id

    def number_body(self, number: str) -> dict[str, Any]:
        own = {"credentialId": self.credential_id}
        return {"provider": self.name, "number": number, **own}

    def secrets(self) -> list[str]:
        return [self.signature_secret]

    def new_leg(self, *, inbound: bool = False) -> Leg:
        return Leg(f"CON-{uuid4()}", secrets.token_hex(16), inbound=inbound)

    def details(self, call: Mapping[str, Any]) -> Document:
        ncco = (call.get("phoneCallProviderDetails") or {}).get("ncco")
        expect(ncco is not None, "phoneCallProviderDetails.ncco is missing")
        found = self._document(parsed(ncco, "the NCCO") if isinstance(ncco, str) else ncco)
        if found is None:
            raise Failed(f"the NCCO connects no websocket: {str(ncco)[:200]}")
        return found

    def document(self, body: str) -> Document | None:
        return self._document(parsed(body, "the NCCO")) if body else None

    def _document(self, ncco: Any) -> Document | None:
        expect(isinstance(ncco, list), "the NCCO is not an array")
        for action in _connects(ncco):
            endpoint = action["endpoint"][0]
            if endpoint.get("type") != "websocket":
                continue
            uri = absolute(endpoint.get("uri"), "the endpoint's uri", "wss", "ws")
            kind = str(endpoint.get("content-type"))
            expect(sample_rate(kind) in FRAME_BYTES, f"the endpoint's content-type is {kind!r}")
            headers = endpoint.get("headers") or {}
            expect(len(json.dumps(headers)) <= 512, "the endpoint's headers exceed 512 bytes")
            events = _event_url(action)
            return Document(uri, events, events, {**headers, "content-type": kind})
        return None

    def status_url(self, call: Mapping[str, Any]) -> str:
        urls = call["phoneCallProviderDetails"].get("eventUrl") or [""]
        return str(urls if isinstance(urls, str) else urls[0])

    def sign(self, url: str, fields: Mapping[str, Any]) -> Signed:
        body = json.dumps(fields, separators=(",", ":")).encode()
        return self._bearing(url, body, token(self.signature_secret, self._claims(body)))

    def status(
        self, leg: Leg, word: str, second: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        at = leg.at(second).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"status": self.WORDS.get(word, word), "timestamp": at, "headers": {}}
        return {**self._names(leg), **event, **fields}

    def arrival(self, leg: Leg, number: str) -> dict[str, Any]:
        ends = {"from": leg.customer[1:], "to": number.removeprefix("+")}
        return {"uuid": leg.own, "conversation_uuid": leg.ref, **ends, "endpoint_type": "phone"}

    def handshake(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token(self.signature_secret, self._claims(None))}"}

    def open(
        self, url: str, there: str, leg: Leg, document: Document, seconds: float
    ) -> MediaSocket:
        return VonageSocket(there, self.handshake(url), seconds, document)

    def closed(self, leg: Leg, document: Document) -> dict[str, Any]:
        """The media socket's leg was lost; the answer may be the next NCCO."""
        own = {"uuid": str(uuid4()), "direction": "outbound", "to": document.media_url}
        return {**self.status(leg, "disconnected"), **own}

    def forward(self, body: str) -> str:
        for action in _connects(parsed(body, "the NCCO") if body else []):
            if action["endpoint"][0].get("type") == "phone":
                return absolute(_event_url(action), "eventUrl", "https", "http")
        raise Failed(f"the next NCCO connects no phone: {body[:200]!r}")

    def forwarded(self, leg: Leg, number: str) -> list[dict[str, Any]]:
        own = {"uuid": str(uuid4()), "direction": "outbound", "to": number.removeprefix("+")}
        last = {"duration": "3", "disconnected_by": "user"}
        return [
            {**self.status(leg, "answered"), **own},
            {**self.status(leg, "completed"), **own, **last},
        ]

    def machine(self, leg: Leg) -> dict[str, Any]:
        event = self.status(leg, "machine")
        return {**event, "call_uuid": event.pop("uuid"), "sub_state": "beep_start"}

    def machine_url(self, call: Mapping[str, Any]) -> str:
        asked = call["phoneCallProviderDetails"].get("advancedMachineDetection")
        return self.status_url(call) if asked else ""

    def forgeries(self, url: str, fields: Mapping[str, Any]) -> Mapping[str, Callable[[], Signed]]:
        body = json.dumps(fields, separators=(",", ":")).encode()

        def made(secret: str = "", header: Any = None, **claims: Any) -> Signed:
            whole = {**self._claims(body), **claims}
            return self._bearing(url, body, token(secret or self.signature_secret, whole, header))

        def unsigned() -> Signed:
            text = token("x", self._claims(body), {"alg": "none"})
            return self._bearing(url, body, f"{text.rpartition('.')[0]}.")

        other = hashlib.sha256(b"{}").hexdigest()
        good = made()
        bare = good._replace(headers={"Content-Type": JSON})
        return {
            "no token": lambda: bare,
            "garbage": partial(self._bearing, url, body, "garbage"),
            "another secret": partial(made, "another secret, long enough for HS256 0123456789"),
            "alg none": unsigned,
            "the hash of another body": partial(made, payload_hash=other),
            "a changed body": lambda: good._replace(body=body.replace(b"completed", b"busy")),
            "a token of yesterday": partial(made, iat=int(time.time()) - 86_400),
            "another account": partial(made, api_key="zzzz9999", application_id=str(uuid4())),
            "another issuer": partial(made, iss="Evil"),
        }

    def _claims(self, body: bytes | None) -> dict[str, Any]:
        claims = {
            "iat": int(time.time()),
            "jti": str(uuid4()),
            "iss": "Vonage",
            "api_key": self.api_key,
        }
        if self.application_id:
            claims["application_id"] = self.application_id
        if body is not None:
            claims["payload_hash"] = hashlib.sha256(body).hexdigest()
        return claims

    def _bearing(self, url: str, body: bytes, value: str) -> Signed:
        return Signed(url, {"Content-Type": JSON, "Authorization": f"Bearer {value}"}, body)

    def _names(self, leg: Leg) -> dict[str, Any]:
        ours, theirs = self.number.removeprefix("+"), leg.customer[1:]
        ends = (theirs, ours) if leg.inbound else (ours, theirs)
        names = {"uuid": leg.own, "conversation_uuid": leg.ref}
        direction = "inbound" if leg.inbound else "outbound"
        return {**names, "direction": direction, "from": ends[0], "to": ends[1]}


def _connects(ncco: Any) -> list[dict[str, Any]]:
    """The ``connect`` actions. Raises ``Failed`` for one without its one endpoint."""
    found = [each for each in ncco if isinstance(each, dict) and each.get("action") == "connect"]
    for action in found:
        endpoint = action.get("endpoint")
        expect(isinstance(endpoint, list) and len(endpoint) == 1, "connect has no one endpoint")
    return found


def _event_url(action: Mapping[str, Any]) -> str:
    """Vonage wants an array of one."""
    urls = action.get("eventUrl")
    expect(urls is None or isinstance(urls, list), "eventUrl is not an array")
    return str(urls[0]) if urls else ""
