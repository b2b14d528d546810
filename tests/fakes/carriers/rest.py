"""Both carriers' REST APIs as a test tells them to answer, and a domain with a clock of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app import default_org
from app.domain.context import Context
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.services.calls import CallService
from app.domain.services.media import MediaService
from app.domain.services.webhooks import LegService
from app.settings import CarrierSettings, Settings
from app.store import calls
from app.wiring import Services
from providers.base.webhook import HookKind, Leg, WebhookReport
from providers.events import CallEvent, EventKind
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from tests.bridge import (
    ACCOUNT,
    API_KEY,
    APPLICATION,
    AUTH_TOKEN,
    CUSTOMER,
    SIGNATURE_SECRET,
    TWILIO_NUMBER,
    VONAGE_NUMBER,
    private_key,
)

SID = "CA" + "0123456789abcdef" * 2
UUID = "63f61863-4a51-4f6b-86e1-46edebcf9356"
CONVERSATION = "CON-f972836a-550f-45fa-956c-12a2ab5b7d22"


@dataclass(frozen=True)
class Carrier:
    """One carrier's words for the same things."""

    name: str
    leg: Leg
    failed: str
    accepted: ApiReply
    refused: ApiReply
    code: str
    """Stands in the text of ``refused``."""

    def state(self, word: str, **fields: Any) -> ApiReply:
        """The leg as the API shows it."""
        if self.name == "vonage":
            ends = {"to": {"type": "phone", "number": CUSTOMER[1:]}}
            names = {"uuid": UUID, "conversation_uuid": CONVERSATION, "direction": "outbound"}
            return ApiReply(200, {**names, **ends, "status": word, **fields})
        names = {"sid": SID, "direction": "outbound-api", "from": TWILIO_NUMBER, "to": CUSTOMER}
        return ApiReply(200, {**names, "status": word, **fields})


def _problem(code: int, status: int) -> ApiReply:
    return ApiReply(status, {"code": code, "message": "no", "status": status})


TWILIO = Carrier(
    "twilio",
    Leg(SID, SID),
    "twilio-failed-to-connect-call",
    ApiReply(201, {"sid": SID, "status": "queued"}),
    _problem(21215, 400),
    "21215",
)
VONAGE = Carrier(
    "vonage",
    Leg(CONVERSATION, UUID),
    "vonage-failed-to-connect-call",
    ApiReply(201, {"uuid": UUID, "conversation_uuid": CONVERSATION, "status": "started"}),
    ApiReply(403, {"title": "Forbidden", "detail": "no"}),
    "403: Forbidden",
)
CARRIERS = (TWILIO, VONAGE)
BUSY = ApiReply(429, {"code": 20429, "message": "wait", "title": "wait", "status": 429})
DOWN = ApiReply(500, {"code": 20500, "message": "broken", "title": "broken", "status": 500})
UNKNOWN = ApiReply(404, {"code": 20404, "message": "unknown", "title": "unknown", "status": 404})


@dataclass
class Api:
    """``replies``: method -> answers in turn, the last of which stays."""

    url: str = ""
    replies: dict[str, list[ApiReply]] = field(default_factory=lambda: defaultdict(list))
    asked: list[ApiRequest] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    """Happens while the carrier works on a request."""

    def answer(self, request: ApiRequest) -> ApiReply:
        self.asked.append(request)
        self.meanwhile()
        replies = self.replies[request.method]
        return replies.pop(0) if len(replies) > 1 else replies[0]


@dataclass
class Later:
    """The job engine's side of a transaction: remembers what was ordered, and runs nothing."""

    waiting: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Key -> (kind, delay)."""
    payloads: dict[str, str] = field(default_factory=dict)
    """Key -> what the handler gets, as the store keeps it: JSON."""

    def enqueue(
        self,
        conn: Connection,
        kind: str,
        key: str,
        payload: Mapping[str, Any],
        *,
        delay: float = 0.0,
        lock: str | None = None,
    ) -> None:
        self.waiting[key] = (kind, delay)
        self.payloads[key] = json.dumps(payload)

    def cancel(self, conn: Connection, key: str) -> None:
        self.waiting.pop(key, None)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Domain:
    """The use cases on a store of their own. ``rest``: the accounts may use the carriers' APIs."""

    def __init__(self, context: Context, later: Later, clock: Clock) -> None:
        self.context, self.later, self.clock = context, later, clock
        self.calls, self.legs = CallService(context), LegService(context)
        self.media = MediaService(context)

    def create(self, carrier: Carrier, **fields: Any) -> dict[str, Any]:
        number = {"twilio": TWILIO_NUMBER, "vonage": VONAGE_NUMBER}[carrier.name]
        owned = f"{carrier.name} number {number}"
        body = {
            "phoneNumberId": str(default_org.uuid.uuid5(default_org.NAMESPACE, owned)),
            "assistant": {"name": "Reception"},
            "customer": {"number": CUSTOMER},
        }
        return self.calls.create(default_org.ORG_ID, {**body, **fields})

    def get(self, call: Mapping[str, Any]) -> dict[str, Any]:
        return self.calls.get(default_org.ORG_ID, call["id"])

    def kinds(self, call: Mapping[str, Any]) -> list[str]:
        return [event["kind"] for event in self.calls.events(default_org.ORG_ID, call["id"])]

    def delete(self, call: Mapping[str, Any]) -> None:
        self.calls.delete(default_org.ORG_ID, call["id"])

    def end(self, call: Mapping[str, Any]) -> None:
        self.calls.control(default_org.ORG_ID, call["id"], None, {"type": "end-call"})

    def hear(
        self,
        call: Mapping[str, Any],
        carrier: Carrier,
        kind: EventKind,
        token: str | None = None,
        **more: Any,
    ) -> None:
        """A status callback to the URL the call was dialled with."""
        event = CallEvent(kind, self.clock(), f"callback:{kind}", source=carrier.name, **more)
        provider = self.context.providers[carrier.name]
        report = WebhookReport(carrier.leg, (event,))
        token = token or self.tokens(call)["callback"]
        self.legs.handle(VerifiedWebhook(provider, HookKind.STATUS, report, (), token=token))

    def tokens(self, call: Mapping[str, Any]) -> dict[str, str]:
        with self.context.store.read() as conn:
            row = calls.get(conn, call["id"])
        assert row is not None
        kept: dict[str, str] = self.context.vault.open(row["secret"])["dial"]
        return kept


@contextmanager
def domain(settings: Settings, *, rest: bool = True) -> Iterator[tuple[Domain, Api]]:
    """Both carriers behind one API."""
    api = Api()
    application = {
        "vonageApplicationId": APPLICATION,
        "vonageApplicationPrivateKey": private_key(),
    }
    with serve(api.answer, 0) as api.url:
        twilio = {"accountSid": ACCOUNT, "authTokens": [AUTH_TOKEN]}
        vonage = {"apiKey": API_KEY, "signatureSecrets": [SIGNATURE_SECRET]}
        accounts = (
            CarrierSettings("twilio", twilio, TWILIO_NUMBER, api.url),
            CarrierSettings(
                "vonage", {**vonage, **(application if rest else {})}, VONAGE_NUMBER, api.url
            ),
        )
        services = Services(replace(settings, carriers=accounts, api_key="a key of the tests"))
        services.upgrade()
        later, clock = Later(), Clock()
        context = replace(services.context, jobs=later, now=clock)
        default_org.create_default_org(context)
        yield Domain(context, later, clock), api
        services.store.close()
