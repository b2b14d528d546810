"""Vonage as the tests play it: signed and spelt by the shipped simulator.

https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from providers.base.media import StreamStart
from providers.base.webhook import Leg as LegNames
from providers.simulation.api_server import ApiReply
from providers.vonage.config import NAME
from providers.vonage.simulator import media
from providers.vonage.simulator.config import VonageSigner
from tests.fakes.carriers.accounts import (
    API_KEY,
    APPLICATION,
    CUSTOMER,
    SIGNATURE_SECRET,
    VONAGE_NUMBER,
    private_key,
)
from tests.fakes.carriers.base import CarrierFake, Signer
from tests.fakes.carriers.leg import CUSTOMER as LEGS_CUSTOMER
from tests.fakes.carriers.leg import OURS, Document, Leg

if TYPE_CHECKING:
    from tests.routes.api import Api

UUID = "63f61863-4a51-4f6b-86e1-46edebcf9356"
CONVERSATION = "CON-f972836a-550f-45fa-956c-12a2ab5b7d22"
CREDENTIAL = {
    "provider": NAME,
    "apiKey": "abcd1234",
    "apiSecret": "a secret of Vonage",
    "signatureSecret": "another secret of Vonage",
}


@dataclass
class VonageCaller:
    """A caller on a websocket of Vonage's."""

    name: ClassVar[str] = NAME
    rate: ClassVar[int] = 16000
    stops: ClassVar[bool] = False
    call: str = "token-1"

    def opening(self) -> list[str | bytes]:
        return [media.connected(f"audio/l16;rate={self.rate}", {"call-id": self.call})]

    def sound(self, pcm: bytes) -> str | bytes:
        return pcm

    def digit(self, digit: str) -> str | bytes:
        return media.dtmf(digit)

    def heard(self, message: str | bytes) -> bytes | None:
        return message if isinstance(message, bytes) else None

    def mark_reply(self, message: str | bytes) -> str | bytes | None:
        body = json.loads(message) if isinstance(message, str) else {}
        return media.notified(body["payload"]) if body.get("action") == "notify" else None


class VonageLeg(Leg):
    name = NAME
    ACCOUNT = CREDENTIAL["apiKey"]
    SECRET = CREDENTIAL["signatureSecret"]
    OTHER_ACCOUNT = "dcba4321"
    ARRIVAL = "/vonage/answer"
    NO_ANSWER = "unanswered"
    ANNOUNCED = "started"
    OUTBOUND: ClassVar[dict[str, Any]] = {
        "direction": "outbound",
        "from": OURS[1:],
        "to": LEGS_CUSTOMER[1:],
    }

    @classmethod
    def number_of(
        cls, api: Api, account: str = "", secret: str = "", number: str = OURS, **fields: Any
    ) -> dict[str, Any]:
        own = {"apiKey": account or cls.ACCOUNT, "signatureSecret": secret or cls.SECRET}
        credential = api.made("/credential", {**CREDENTIAL, **own})
        body = {"provider": cls.name, "number": number, "credentialId": credential["id"]}
        return api.made("/phone-number", {**body, **fields})

    @classmethod
    def credential_of(cls, api: Api) -> None:
        api.made("/credential", CREDENTIAL)

    def arrive(self, query: Mapping[str, str] | None = None, *, visit: int = 1) -> TestResponse:
        """A leg that was sent elsewhere and comes back is in another conversation."""
        if visit > 1:
            self.call_ref = f"{self.call_ref.partition('.')[0]}.{visit}"
        url = self.ARRIVAL + (f"?{urlencode(query)}" if query else "")
        return self.post(url, self._ends())

    def say(
        self,
        word: str,
        seconds: float = 60,
        *,
        path: str = "",
        lasted: int | None = None,
        **fields: Any,
    ) -> TestResponse:
        length = {} if lasted is None else {"duration": str(lasted)}
        at = {"status": word, "timestamp": self.at(seconds).isoformat()}
        event = {**self._ends(), "direction": "inbound", **at, **length, **fields}
        return self.post(path or "/vonage/event", event)

    def ask(self, document: Document, turn: int = 1) -> TestResponse:
        return self.socket("disconnected", document, turn)

    def socket(self, word: str, document: Document, turn: int = 1) -> TestResponse:
        """A word about the leg of our media socket."""
        leg: dict[str, Any] = {"uuid": f"ws-{self.ref}-{turn}", "from": OURS[1:]}
        leg |= {"direction": "outbound", "to": document.media_url}
        return self.say(word, 60 + turn, path=document.stream_url, **leg)

    def read(self, markup: str) -> Document | None:
        return self._document(json.loads(markup)) if markup else None

    def offered(self, call: Mapping[str, Any]) -> Document:
        found = self._document(call["phoneCallProviderDetails"]["ncco"])
        assert found is not None
        return found

    def start(self) -> StreamStart:
        return StreamStart(None, None, None, VonageCaller.rate)

    @property
    def signer(self) -> Signer:
        return VonageSigner(self.secret, self.account)

    def _document(self, ncco: list[dict[str, Any]]) -> Document | None:
        for action in ncco:
            if action["action"] == "connect":
                [events] = action["eventUrl"]
                return Document(action["endpoint"][0]["uri"], events, events)
        return None

    def _refs(self) -> tuple[str, str]:
        return secrets.token_hex(16), VONAGE.new_ref()

    def _names(self) -> dict[str, str]:
        return {"conversation_uuid": self.call_ref}

    def _ends(self) -> dict[str, str]:
        return {"from": LEGS_CUSTOMER[1:], "to": OURS[1:], "uuid": self.ref}


class VonageFake(CarrierFake):
    name = NAME
    number = VONAGE_NUMBER
    leg = VonageLeg
    signer = VonageSigner(SIGNATURE_SECRET, API_KEY)
    dialled = LegNames(CONVERSATION, UUID)
    failed = "vonage-failed-to-connect-call"
    accepted = ApiReply(201, {"uuid": UUID, "conversation_uuid": CONVERSATION, "status": "started"})
    refused = ApiReply(403, {"title": "Forbidden", "detail": "no"})
    code = "403: Forbidden"

    def state(self, word: str, **fields: Any) -> ApiReply:
        numbers = {"to": CUSTOMER[1:], "from": VONAGE_NUMBER.removeprefix("+")}
        ends = {end: {"type": "phone", "number": number} for end, number in numbers.items()}
        names = {"uuid": UUID, "conversation_uuid": CONVERSATION, "direction": "outbound"}
        return ApiReply(200, {**names, **ends, "status": word, **fields})

    def placed(self, refs: Sequence[str], word: str, at: datetime) -> ApiReply:
        calls = [{**self.state(word).body, "uuid": ref} for ref in refs]
        return ApiReply(200, {"count": len(calls), "_embedded": {"calls": calls}})

    def environment(self) -> dict[str, str]:
        return {
            "VONAGE_API_KEY": API_KEY,
            "VONAGE_SIGNATURE_SECRET": SIGNATURE_SECRET,
            "VONAGE_PHONE_NUMBER": VONAGE_NUMBER,
            "VONAGE_APPLICATION_ID": APPLICATION,
            "VONAGE_PRIVATE_KEY": private_key(),
        }

    def credential(self, *, rest: bool) -> dict[str, Any]:
        account = {"apiKey": API_KEY, "signatureSecrets": [SIGNATURE_SECRET]}
        application = {
            "vonageApplicationId": APPLICATION,
            "vonageApplicationPrivateKey": private_key(),
        }
        return {**account, **(application if rest else {})}

    def new_ref(self) -> str:
        return f"CON-{secrets.token_hex(8)}"

    def arrival(self, ref: str, **fields: str) -> dict[str, str]:
        return {"to": VONAGE_NUMBER[1:], "from": CUSTOMER[1:], **_names(ref), **fields}

    def status(self, ref: str, word: str, second: int, **fields: str) -> dict[str, str]:
        ends = {"direction": "outbound", "from": VONAGE_NUMBER[1:], "to": CUSTOMER[1:]}
        at = f"2026-11-23T12:00:{second:02}.000Z"
        return {**_names(ref), **ends, "status": word, "timestamp": at, **fields}

    def status_url(self, details: Mapping[str, Any]) -> str:
        return str(details["eventUrl"][0])

    def ordered_status_url(self, body: bytes) -> str:
        return str(json.loads(body)["event_url"][0])

    def media_url(self, details: Mapping[str, Any]) -> str:
        ncco = details["ncco"]
        actions = json.loads(ncco) if isinstance(ncco, str) else ncco
        connect = next(each for each in actions if each["action"] == "connect")
        return str(connect["endpoint"][0]["uri"])

    def caller(self, call_id: str, ref: str = "") -> VonageCaller:
        return VonageCaller(call_id)


def _names(conversation: str) -> dict[str, str]:
    """The leg's uuid follows from its conversation's."""
    return {"uuid": f"leg-of-{conversation}", "conversation_uuid": conversation}


VONAGE = VonageFake()
