"""Legs of both carriers against the application in this process: signed webhooks, sockets, timers.

A leg speaks as its carrier does, with its carrier's own times and ids; what it says twice is equal.
"""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.calls import timers
from app.domain.services.media import StreamClaim
from app.store.schema import jobs
from app.wiring import Services
from providers.base.media import StreamStart
from providers.twilio import signature as twilio
from providers.vonage import signature as vonage
from tests.routes.api import ACCOUNT, TOKEN, VONAGE_CREDENTIAL, Api

CUSTOMER, OURS = "+14155550111", "+14155550100"
ECHO = {"name": "echo", "transport": {"provider": "echo"}}

_WAITING = sa.text(
    "SELECT args, extract(epoch FROM scheduled_at - clock_timestamp()) FROM procrastinate_jobs"
    " WHERE queueing_lock = :key AND status = 'todo'"
)


@dataclass(frozen=True)
class Document:
    """What a carrier was told to do with a leg: open this socket, report there, then ask there."""

    media_url: str
    stream_url: str
    continue_url: str


class Leg(ABC):
    """One phone leg at a carrier. ``account`` and ``secret`` sign for it; the leg is inbound."""

    name: ClassVar[str]
    ACCOUNT: ClassVar[str]
    SECRET: ClassVar[str]
    OTHER_ACCOUNT: ClassVar[str]
    """Of another customer of the carrier's."""
    ARRIVAL: ClassVar[str]
    NO_ANSWER: ClassVar[str]
    ANNOUNCED: ClassVar[str]
    """The carrier's word before it dials."""
    OUTBOUND: ClassVar[dict[str, Any]]
    """Of a leg that the carrier dialled."""

    def __init__(self, app: Flask, account: str = "", secret: str = "") -> None:
        self.app = app
        self.account = account or self.ACCOUNT
        self.secret = secret or self.SECRET
        self.ref, self.call_ref = self._refs()
        self.begun = datetime.now(UTC)

    def same(self, account: str, secret: str) -> Leg:
        """This leg, as somebody else who signs for that account tells of it."""
        other = type(self)(self.app, account, secret)
        other.ref, other.call_ref, other.begun = self.ref, self.call_ref, self.begun
        return other

    def at(self, seconds: float) -> datetime:
        return self.begun + timedelta(seconds=seconds)

    @classmethod
    @abstractmethod
    def number_of(
        cls, api: Api, account: str = "", secret: str = "", number: str = OURS, **fields: Any
    ) -> dict[str, Any]:
        """A phone number at this carrier with its account."""

    @classmethod
    @abstractmethod
    def credential_of(cls, api: Api) -> None:
        """The account alone."""

    @abstractmethod
    def arrive(self, query: Mapping[str, str] | None = None, *, visit: int = 1) -> TestResponse:
        """The leg reaches us and asks what to do; ``visit``: the same leg comes again."""

    @abstractmethod
    def say(
        self,
        word: str,
        seconds: float = 60,
        *,
        path: str = "",
        lasted: int | None = None,
        **fields: Any,
    ) -> TestResponse:
        """A word about the leg, so many seconds after its begin; ``lasted``: the leg's length."""

    @abstractmethod
    def ask(self, document: Document, turn: int = 1) -> TestResponse:
        """The socket is closed, the leg lives: what now? Equal turns are the carrier's re-sends."""

    @abstractmethod
    def read(self, markup: str) -> Document | None:
        """The document in an answer; None when the leg is told something else."""

    @abstractmethod
    def offered(self, call: Mapping[str, Any]) -> Document:
        """The document in ``phoneCallProviderDetails``."""

    @abstractmethod
    def start(self) -> StreamStart:
        """The first word on the socket."""

    @abstractmethod
    def handshake(self, url: str) -> list[tuple[str, str]]:
        """Headers of the socket's handshake."""

    @abstractmethod
    def _refs(self) -> tuple[str, str]: ...

    def _send(self, target: str, body: bytes, headers: Mapping[str, str]) -> TestResponse:
        """The request target stays as it is on the wire."""
        return self.app.test_client().post(
            target, data=body, headers=headers, environ_overrides={"patchbay.raw_target": target}
        )


class TwilioLeg(Leg):
    name = "twilio"
    ACCOUNT = ACCOUNT
    SECRET = TOKEN
    OTHER_ACCOUNT = "AC" + "b" * 32
    ARRIVAL = "/twilio/inbound_call"
    NO_ANSWER = "no-answer"
    ANNOUNCED = "initiated"
    OUTBOUND: ClassVar[dict[str, Any]] = {"Direction": "outbound-api", "From": OURS, "To": CUSTOMER}

    @classmethod
    def number_of(
        cls, api: Api, account: str = "", secret: str = "", number: str = OURS, **fields: Any
    ) -> dict[str, Any]:
        own = {"twilioAccountSid": account or ACCOUNT, "twilioAuthToken": secret or TOKEN}
        return api.made("/phone-number", {"provider": cls.name, "number": number, **own, **fields})

    @classmethod
    def credential_of(cls, api: Api) -> None:
        api.made("/credential", {"provider": cls.name, "accountSid": ACCOUNT, "authToken": TOKEN})

    def arrive(self, query: Mapping[str, str] | None = None, *, visit: int = 1) -> TestResponse:
        return self.fetch(self.ARRIVAL, query, visit=visit)

    def fetch(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        visit: int = 1,
        **fields: Any,
    ) -> TestResponse:
        """Markup of that path, for this leg."""
        target = path + (f"?{urlencode(query)}" if query else "")
        headers = {"I-Twilio-Idempotency-Token": f"visit-{visit}-{self.ref}"}
        return self.post(target, headers, **{"CallStatus": "ringing", **fields})

    def say(
        self,
        word: str,
        seconds: float = 60,
        *,
        path: str = "",
        lasted: int | None = None,
        **fields: Any,
    ) -> TestResponse:
        length: dict[str, Any] = {} if lasted is None else {"CallDuration": str(lasted)}
        return self.post(
            path or "/twilio/status",
            CallStatus=word,
            CallbackSource="call-progress-events",
            SequenceNumber=str(int(seconds)),
            Timestamp=self.at(seconds).strftime("%a, %d %b %Y %H:%M:%S +0000"),
            **length,
            **fields,
        )

    def ask(self, document: Document, turn: int = 1) -> TestResponse:
        headers = {"I-Twilio-Idempotency-Token": f"after-{turn}-{self.ref}"}
        return self.post(document.continue_url, headers, CallStatus="in-progress")

    def post(
        self, target: str, headers: Mapping[str, str] | None = None, **fields: str
    ) -> TestResponse:
        """One signed form about this leg."""
        parts = urlsplit(target)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        form = {
            "AccountSid": self.account,
            "CallSid": self.ref,
            "Direction": "inbound",
            "From": CUSTOMER,
            "To": OURS,
            **fields,
        }
        url = self._base() + target
        signed = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": twilio.compute(self.secret, url, form.items()),
        }
        return self._send(target, urlencode(form).encode(), {**signed, **(headers or {})})

    def read(self, markup: str) -> Document | None:
        root = ElementTree.fromstring(markup)
        stream = root.find("Connect/Stream")
        if stream is None:
            return None
        after = root.findtext("Redirect")
        assert after is not None
        return Document(stream.attrib["url"], stream.attrib["statusCallback"], after)

    def offered(self, call: Mapping[str, Any]) -> Document:
        found = self.read(call["phoneCallProviderDetails"]["twiml"])
        assert found is not None
        return found

    def start(self) -> StreamStart:
        return StreamStart("MZ" + "0" * 32, self.ref, self.account, 8000)

    def handshake(self, url: str) -> list[tuple[str, str]]:
        return [("x-twilio-signature", twilio.compute(self.secret, url))]

    def _refs(self) -> tuple[str, str]:
        sid = "CA" + secrets.token_hex(16)
        return sid, sid

    def _base(self) -> str:
        services: Services = self.app.extensions["patchbay"]
        return services.settings.public_url


class VonageLeg(Leg):
    name = "vonage"
    ACCOUNT = VONAGE_CREDENTIAL["apiKey"]
    SECRET = VONAGE_CREDENTIAL["signatureSecret"]
    OTHER_ACCOUNT = "dcba4321"
    ARRIVAL = "/vonage/answer"
    NO_ANSWER = "unanswered"
    ANNOUNCED = "started"
    OUTBOUND: ClassVar[dict[str, Any]] = {
        "direction": "outbound",
        "from": OURS[1:],
        "to": CUSTOMER[1:],
    }

    @classmethod
    def number_of(
        cls, api: Api, account: str = "", secret: str = "", number: str = OURS, **fields: Any
    ) -> dict[str, Any]:
        own = {"apiKey": account or cls.ACCOUNT, "signatureSecret": secret or cls.SECRET}
        credential = api.made("/credential", {**VONAGE_CREDENTIAL, **own})
        body = {"provider": cls.name, "number": number, "credentialId": credential["id"]}
        return api.made("/phone-number", {**body, **fields})

    @classmethod
    def credential_of(cls, api: Api) -> None:
        api.made("/credential", VONAGE_CREDENTIAL)

    def arrive(self, query: Mapping[str, str] | None = None, *, visit: int = 1) -> TestResponse:
        """A leg that was sent elsewhere and comes back is in another conversation."""
        if visit > 1:
            self.call_ref = f"{self.call_ref.partition('.')[0]}.{visit}"
        target = self.ARRIVAL + (f"?{urlencode(query)}" if query else "")
        return self.post(target, {"from": CUSTOMER[1:], "to": OURS[1:], "uuid": self.ref})

    def say(
        self,
        word: str,
        seconds: float = 60,
        *,
        path: str = "",
        lasted: int | None = None,
        **fields: Any,
    ) -> TestResponse:
        event = {"from": CUSTOMER[1:], "to": OURS[1:], "uuid": self.ref, "direction": "inbound"}
        length = {} if lasted is None else {"duration": str(lasted)}
        at = {"status": word, "timestamp": self.at(seconds).isoformat()}
        return self.post(path or "/vonage/event", {**event, **at, **length, **fields})

    def ask(self, document: Document, turn: int = 1) -> TestResponse:
        return self.socket("disconnected", document, turn)

    def socket(self, word: str, document: Document, turn: int = 1) -> TestResponse:
        """A word about the leg of our media socket."""
        leg: dict[str, Any] = {"uuid": f"ws-{self.ref}-{turn}", "from": OURS[1:]}
        leg |= {"direction": "outbound", "to": document.media_url}
        return self.say(word, 60 + turn, path=document.stream_url, **leg)

    def post(self, target: str, event: Mapping[str, Any]) -> TestResponse:
        """One signed event of this conversation."""
        parts = urlsplit(target)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        whole = {"conversation_uuid": self.call_ref, **event}
        body = json.dumps(whole, separators=(",", ":")).encode()
        token = vonage.sign(self.secret, api_key=self.account, payload=body, now=datetime.now(UTC))
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        return self._send(target, body, headers)

    def read(self, markup: str) -> Document | None:
        return self._document(json.loads(markup)) if markup else None

    def offered(self, call: Mapping[str, Any]) -> Document:
        found = self._document(call["phoneCallProviderDetails"]["ncco"])
        assert found is not None
        return found

    def start(self) -> StreamStart:
        return StreamStart(None, None, None, 16000)

    def handshake(self, url: str) -> list[tuple[str, str]]:
        token = vonage.sign(self.secret, api_key=self.account, payload=None, now=datetime.now(UTC))
        return [("authorization", f"Bearer {token}")]

    def _document(self, ncco: list[dict[str, Any]]) -> Document | None:
        for action in ncco:
            if action["action"] == "connect":
                [events] = action["eventUrl"]
                return Document(action["endpoint"][0]["uri"], events, events)
        return None

    def _refs(self) -> tuple[str, str]:
        return secrets.token_hex(16), f"CON-{secrets.token_hex(8)}"


LEGS: tuple[type[Leg], ...] = (TwilioLeg, VonageLeg)


# ------------------------------------------------------------------ sockets


def claim_stream(leg: Leg, document: Document) -> StreamClaim:
    """The socket's handshake. Raises ``Refused``."""
    services: Services = leg.app.extensions["patchbay"]
    target = urlsplit(document.media_url).path
    token = target.rpartition("/")[2]
    provider = services.providers[leg.name]
    return services.media.claim(provider, token, target, leg.handshake(document.media_url))


def join(leg: Leg, document: Document) -> StreamClaim:
    """The socket is open and proved: the assistant is in."""
    claim = claim_stream(leg, document)
    services: Services = leg.app.extensions["patchbay"]
    services.media.joined(claim, leg.start())
    return claim


class Live:
    """A call of a leg that arrived and whose assistant is in."""

    def __init__(self, api: Api, leg: Leg, query: Mapping[str, str] | None = None) -> None:
        self.api, self.leg = api, leg
        self.media = leg.app.extensions["patchbay"].media
        self.document = read(leg, leg.arrive(query))
        self.claim = join(leg, self.document)
        self.id = str(call_of(api, leg)["id"])

    @property
    def call(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/call/{self.id}").json
        return found

    @property
    def status(self) -> str:
        return str(self.call["status"])

    @property
    def reason(self) -> str | None:
        return self.call.get("endedReason")

    def kinds(self) -> list[str]:
        return kinds(self.api, self.id)

    def lose(self) -> None:
        """The socket breaks without a word."""
        self.media.lost(self.claim)

    def put_back(self, turn: int) -> None:
        """The carrier asks what now, and opens the socket it is given."""
        self.document = read(self.leg, self.leg.ask(self.document, turn))
        self.claim = join(self.leg, self.document)

    def end(self) -> None:
        """By the API."""
        done = self.api.post(f"/call/{self.id}/control", {"type": "end-call"})
        assert done.status_code == 200, done.text


def read(leg: Leg, answer: TestResponse) -> Document:
    """The document that was answered."""
    assert answer.status_code == 200, answer.text
    found = leg.read(answer.text)
    assert found is not None, answer.text
    return found


def call_of(api: Api, leg: Leg) -> dict[str, Any]:
    """The one call of this leg."""
    [call] = api.get("/call", phoneCallProviderId=leg.call_ref).json
    found: dict[str, Any] = call
    return found


def status_path(call: Mapping[str, Any]) -> str:
    """Where a leg that the flow's owner dials reports to."""
    details = call["phoneCallProviderDetails"]
    return str(details.get("statusCallback") or details["eventUrl"][0])


def kinds(api: Api, call_id: str) -> list[str]:
    """What happened to a call, in the order of arrival."""
    return [event["kind"] for event in api.get(f"/call/{call_id}/events").json]


# ------------------------------------------------------------------ timers


@dataclass(frozen=True)
class Waiting:
    """A timer's job that waits for its time."""

    seconds: float
    payload: Mapping[str, Any]


def waiting(app: Flask, timer: str, call_id: str) -> Waiting | None:
    """The call's timer of this name, if it is set."""
    services: Services = app.extensions["patchbay"]
    key = f"{timer}:{call_id}"
    with services.store.read() as conn:
        if not services.store.is_sqlite:
            row = conn.execute(_WAITING, {"key": key}).first()
            return Waiting(float(row[1]), row[0]["payload"]) if row else None
        found = conn.execute(sa.select(jobs.c.due, jobs.c.payload).where(jobs.c.key == key)).first()
    return (
        Waiting((found.due - datetime.now(UTC)).total_seconds(), found.payload) if found else None
    )


def fire(app: Flask, timer: str, call_id: str, taken: Waiting | None = None) -> None:
    """Its time has come; ``taken``: as the engine took it, whatever has happened since."""
    payload = taken.payload if taken else {"timer": timer, "callId": call_id}
    timers.fire(app.extensions["patchbay"].context, payload)
