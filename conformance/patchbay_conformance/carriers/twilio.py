"""Twilio from outside: X-Twilio-Signature, TwiML, callbacks, Media Streams.

https://www.twilio.com/docs/usage/security#validating-requests
https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode
from xml.etree import ElementTree

from patchbay_conformance.carriers.base import (
    Carrier,
    Document,
    Leg,
    Signed,
    absolute,
)
from patchbay_conformance.carriers.media import MediaSocket
from patchbay_conformance.carriers.twilio_media import TwilioSocket
from patchbay_conformance.verdict import Failed, expect

HEADER = "X-Twilio-Signature"
FORM = "application/x-www-form-urlencoded"
LONGEST_TWIML = 4000
"""https://www.twilio.com/docs/voice/api/call-resource#twiml"""


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """base64(HMAC-SHA1(token, URL + every name and value, sorted by name))."""
    text = url.partition("#")[0] + "".join(name + fields[name] for name in sorted(fields))
    # The algorithm is Twilio's.
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


class Twilio(Carrier):
    """One account. ``auth_token`` signs its requests."""

    name = "twilio"
    FAILED = "twilio-failed-to-connect-call"
    WORDS: ClassVar[Mapping[str, str]] = {
        "announced": "initiated",
        "ringing": "ringing",
        "answered": "in-progress",
        "completed": "completed",
        "busy": "busy",
        "no-answer": "no-answer",
        "failed": "failed",
        "canceled": "canceled",
        "unknown": "levitating",
    }

    def __init__(self, account_sid: str, auth_token: str, number: str, number_id: str) -> None:
        super().__init__(number, number_id)
        self.account_sid, self.auth_token = account_sid, auth_token

    def number_body(self, number: str) -> dict[str, Any]:
        own = {"twilioAccountSid": self.account_sid, "twilioAuthToken": self.auth_token}
        return {"provider": self.name, "number": number, **own}

    def secrets(self) -> list[str]:
        return [self.auth_token]

    def new_leg(self, *, inbound: bool = False) -> Leg:
        sid = f"CA{secrets.token_hex(16)}"
        return Leg(sid, sid, inbound=inbound)

    def details(self, call: Mapping[str, Any]) -> Document:
        twiml = (call.get("phoneCallProviderDetails") or {}).get("twiml")
        if not isinstance(twiml, str):
            raise Failed("phoneCallProviderDetails.twiml is missing")
        expect(len(twiml) < LONGEST_TWIML, f"the TwiML has {len(twiml)} characters (error 32018)")
        found = self.document(twiml)
        if found is None:
            raise Failed(f"the TwiML connects no stream: {twiml[:200]!r}")
        return found

    def document(self, body: str) -> Document | None:
        root = _xml(body)
        stream = root.find("Connect/Stream")
        if stream is None:
            return None
        url = absolute(stream.get("url"), "the stream's url", "wss", "ws")
        expect("?" not in url, "the stream's url has a query, which Twilio drops")
        after = next((each.text for each in root.iter("Redirect")), None) or ""
        named = {p.get("name", ""): p.get("value", "") for p in stream.iter("Parameter")}
        return Document(url, stream.get("statusCallback", ""), after, named)

    def status_url(self, call: Mapping[str, Any]) -> str:
        return str(call["phoneCallProviderDetails"].get("statusCallback") or "")

    def sign(self, url: str, fields: Mapping[str, Any]) -> Signed:
        signed = signature(self.auth_token, url, fields)
        return Signed(url, {"Content-Type": FORM, HEADER: signed}, urlencode(fields).encode())

    def status(
        self, leg: Leg, word: str, second: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        at = leg.at(second)
        event = {
            "CallStatus": self.WORDS.get(word, word),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(next(leg.numbers) if second is None else int(second)),
            "Timestamp": format_datetime(at),
        }
        return {**self._names(leg), **self._ends(leg, self.number), **event, **fields}

    def arrival(self, leg: Leg, number: str) -> dict[str, Any]:
        return {**self._names(leg), **self._ends(leg, number), "CallStatus": "ringing"}

    def handshake(self, url: str) -> dict[str, str]:
        return {HEADER: signature(self.auth_token, url, {})}

    def open(
        self, url: str, there: str, leg: Leg, document: Document, seconds: float
    ) -> MediaSocket:
        signed = self.handshake(url)
        return TwilioSocket(there, signed, seconds, self.account_sid, leg, document)

    def closed(self, leg: Leg, document: Document) -> dict[str, Any]:
        return {**self._names(leg), **self._ends(leg, self.number), "CallStatus": "in-progress"}

    def forward(self, body: str) -> str:
        dial = next(_xml(body).iter("Dial"), None)
        expect(dial is not None, f"the next document has no <Dial>: {body[:200]!r}")
        return absolute(dial.get("action") if dial is not None else None, "action", "https", "http")

    def forwarded(self, leg: Leg, number: str) -> list[dict[str, Any]]:
        outcome = {"DialCallStatus": "completed", "DialCallSid": f"CA{secrets.token_hex(16)}"}
        length = {"DialCallDuration": "3", "DialBridged": "true", "CallStatus": "in-progress"}
        return [{**self._names(leg), **self._ends(leg, self.number), **outcome, **length}]

    def machine(self, leg: Leg) -> dict[str, Any]:
        return {
            **self._names(leg),
            "AnsweredBy": "machine_end_beep",
            "MachineDetectionDuration": "3000",
        }

    def machine_url(self, call: Mapping[str, Any]) -> str:
        return str(call["phoneCallProviderDetails"].get("asyncAmdStatusCallback") or "")

    def forgeries(self, url: str, fields: Mapping[str, Any]) -> Mapping[str, Callable[[], Signed]]:
        good = self.sign(url, fields)
        changed = urlencode({**fields, "CallStatus": "busy"}).encode()
        other = {**fields, "AccountSid": f"AC{'f' * 32}"}

        def bearing(value: str | None) -> Signed:
            own = {} if value is None else {HEADER: value}
            return good._replace(headers={"Content-Type": FORM, **own})

        stranger = signature("f" * 32, url, fields)
        text = url + "".join(name + fields[name] for name in sorted(fields))
        sha256 = hmac.digest(self.auth_token.encode(), text.encode(), hashlib.sha256)
        return {
            "no signature": partial(bearing, None),
            "an empty signature": partial(bearing, ""),
            "another token": partial(bearing, stranger),
            "SHA-256": partial(bearing, base64.b64encode(sha256).decode()),
            "a signature cut short": partial(bearing, good.headers[HEADER][:-2]),
            "a changed value": lambda: good._replace(body=changed),
            "an added parameter": lambda: good._replace(body=good.body + b"&A=x"),
            "no body": lambda: good._replace(body=b""),
            "another URL": partial(bearing, signature(self.auth_token, f"{url}x", fields)),
            "an added query": lambda: good._replace(url=f"{url}?a=b"),
            "another account": lambda: self.sign(url, other),
        }

    def _names(self, leg: Leg) -> dict[str, str]:
        names = {"AccountSid": self.account_sid, "CallSid": leg.ref, "ApiVersion": "2010-04-01"}
        return {**names, "Direction": "inbound" if leg.inbound else "outbound-api"}

    def _ends(self, leg: Leg, number: str) -> dict[str, str]:
        ends = (leg.customer, number) if leg.inbound else (number, leg.customer)
        return dict(zip(("From", "To"), ends, strict=True))


def _xml(text: str) -> ElementTree.Element:
    """TwiML. Raises ``Failed``."""
    try:
        # It comes from the server under test, and Python's expat bounds entities.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise Failed(f"the TwiML is not XML: {error} (error 12100)") from None
    expect(root.tag == "Response", f"the TwiML's root is <{root.tag}>, not <Response>")
    return root
