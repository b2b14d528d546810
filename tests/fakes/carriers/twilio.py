"""Twilio as the tests play it: signed and spelt by the shipped simulator.

https://www.twilio.com/docs/voice
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlencode
from uuid import uuid4
from xml.etree import ElementTree

from werkzeug.test import TestResponse

from providers.base.media import StreamStart
from providers.base.webhook import Leg as LegNames
from providers.simulation.api_server import ApiReply
from providers.twilio.config import NAME
from providers.twilio.simulator.config import TwilioSigner
from providers.twilio.stream_messages import SAMPLE_RATE, StreamMessages, payload_pcm
from tests.fakes.carriers.accounts import ACCOUNT, AUTH_TOKEN, CUSTOMER, TWILIO_NUMBER
from tests.fakes.carriers.base import CarrierFake, Signer
from tests.fakes.carriers.leg import CUSTOMER as LEGS_CUSTOMER
from tests.fakes.carriers.leg import OURS, Document, Leg

if TYPE_CHECKING:
    from tests.routes.api import Api

SID = "CA" + "0123456789abcdef" * 2
TOKEN = "I-Twilio-Idempotency-Token"


@dataclass
class TwilioCaller:
    """A caller on a media stream of Twilio's. Its messages bear no running numbers: equal ones are equal."""

    name: ClassVar[str] = NAME
    rate: ClassVar[int] = SAMPLE_RATE
    stops: ClassVar[bool] = True
    sid: str = "MZ" + "0" * 32
    call: str = "CA" + "1" * 32
    account: str = "AC" + "2" * 32
    parameters: dict[str, str] = field(default_factory=lambda: {"callId": "token-1"})

    @property
    def messages(self) -> StreamMessages:
        return StreamMessages(self.account, self.call, self.parameters, self.sid)

    def opening(self) -> list[str | bytes]:
        return [self.messages.connected(), self.messages.start()]

    def sound(self, pcm: bytes) -> str | bytes:
        return self.messages.media(pcm)

    def digit(self, digit: str) -> str | bytes:
        return self.messages.dtmf(digit)

    def stop(self) -> str | bytes:
        return self.messages.stop()

    def heard(self, message: str | bytes) -> bytes | None:
        body = json.loads(message)
        assert body["streamSid"] == self.sid
        return payload_pcm(body) if body["event"] == "media" else None

    def mark_reply(self, message: str | bytes) -> str | bytes | None:
        body = json.loads(message)
        return self.messages.mark(body["mark"]["name"]) if body["event"] == "mark" else None


class TwilioLeg(Leg):
    name = NAME
    ACCOUNT = "AC" + "a" * 32
    SECRET = "the carrier's own secret"
    OTHER_ACCOUNT = "AC" + "b" * 32
    ARRIVAL = "/twilio/inbound_call"
    NO_ANSWER = "no-answer"
    ANNOUNCED = "initiated"
    OUTBOUND: ClassVar[dict[str, Any]] = {
        "Direction": "outbound-api",
        "From": OURS,
        "To": LEGS_CUSTOMER,
    }

    @classmethod
    def number_of(
        cls, api: Api, account: str = "", secret: str = "", number: str = OURS, **fields: Any
    ) -> dict[str, Any]:
        account, secret = account or cls.ACCOUNT, secret or cls.SECRET
        own = {"twilioAccountSid": account, "twilioAuthToken": secret}
        return api.made("/phone-number", {"provider": cls.name, "number": number, **own, **fields})

    @classmethod
    def credential_of(cls, api: Api) -> None:
        own = {"accountSid": cls.ACCOUNT, "authToken": cls.SECRET}
        api.made("/credential", {"provider": cls.name, **own})

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
        url = path + (f"?{urlencode(query)}" if query else "")
        status = "ringing" if visit == 1 else "in-progress"  # our first document answered it
        return self.post(url, {"CallStatus": status, **fields}, {TOKEN: str(uuid4())})

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
        event = {
            "CallStatus": word,
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(int(seconds)),
            "Timestamp": self.at(seconds).strftime("%a, %d %b %Y %H:%M:%S +0000"),
        }
        return self.post(path or "/twilio/status", {**event, **length, **fields})

    def ask(self, document: Document, turn: int = 1) -> TestResponse:
        return self.post(
            document.continue_url, {"CallStatus": "in-progress"}, {TOKEN: str(uuid4())}
        )

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
        return StreamStart("MZ" + "0" * 32, self.ref, self.account, SAMPLE_RATE)

    @property
    def signer(self) -> Signer:
        return TwilioSigner(self.secret)

    def _refs(self) -> tuple[str, str]:
        sid = TWILIO.new_ref()
        return sid, sid

    def _names(self) -> dict[str, str]:
        ends = {"Direction": "inbound", "From": LEGS_CUSTOMER, "To": OURS}
        return {"AccountSid": self.account, "CallSid": self.ref, **ends}


class TwilioFake(CarrierFake):
    name = NAME
    number = TWILIO_NUMBER
    leg = TwilioLeg
    signer = TwilioSigner(AUTH_TOKEN)
    dialled = LegNames(SID, SID)
    failed = "twilio-failed-to-connect-call"
    accepted = ApiReply(201, {"sid": SID, "status": "queued"})
    refused = ApiReply(400, {"code": 21215, "message": "no", "status": 400})
    code = "21215"

    def state(self, word: str, **fields: Any) -> ApiReply:
        names = {"sid": SID, "direction": "outbound-api", "from": TWILIO_NUMBER, "to": CUSTOMER}
        return ApiReply(200, {**names, "status": word, **fields})

    def placed(self, refs: Sequence[str], word: str, at: datetime) -> ApiReply:
        created = {"date_created": format_datetime(at)}
        calls = [{**self.state(word).body, "sid": ref, **created} for ref in refs]
        page = {"page": 0, "page_size": 50, "next_page_uri": None}
        return ApiReply(200, {"calls": calls, **page})

    def environment(self) -> dict[str, str]:
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_PHONE_NUMBER": TWILIO_NUMBER,
        }

    def credential(self, *, rest: bool) -> dict[str, Any]:
        return {"accountSid": ACCOUNT, "authTokens": [AUTH_TOKEN]}

    def new_ref(self) -> str:
        return "CA" + secrets.token_hex(16)

    def arrival(self, ref: str, **fields: str) -> dict[str, str]:
        ends = {"Direction": "inbound", "From": CUSTOMER, "To": TWILIO_NUMBER}
        return {**_names(ref), "CallStatus": "ringing", **ends, **fields}

    def status(self, ref: str, word: str, second: int, **fields: str) -> dict[str, str]:
        return {
            **_names(ref),
            "CallStatus": word,
            "Direction": "outbound-api",
            "From": TWILIO_NUMBER,
            "To": CUSTOMER,
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(second),
            "Timestamp": f"Mon, 23 Nov 2026 12:00:{second:02} +0000",
            **fields,
        }

    def status_url(self, details: Mapping[str, Any]) -> str:
        return str(details["statusCallback"])

    def ordered_status_url(self, body: bytes) -> str:
        return parse_qs(body.decode())["StatusCallback"][0]

    def media_url(self, details: Mapping[str, Any]) -> str:
        return next(ElementTree.fromstring(details["twiml"]).iter("Stream")).attrib["url"]

    def caller(self, call_id: str, ref: str = "") -> TwilioCaller:
        leg = {"call": ref} if ref else {}
        return TwilioCaller(account=ACCOUNT, parameters={"callId": call_id}, **leg)


def _names(sid: str) -> dict[str, str]:
    return {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": sid}


TWILIO = TwilioFake()
