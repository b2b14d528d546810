"""The use cases on a store and a clock of their own, at carriers whose APIs a test plays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app import default_org
from app.domain.calls import instructions, record
from app.domain.calls.apply import finalize
from app.domain.calls.record import CallTx
from app.domain.calls.tokens import DocumentTokens
from app.domain.context import Context
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.services.calls import CallService
from app.domain.services.media import MediaService
from app.domain.services.webhooks import LegService
from app.settings import CarrierSettings, Settings
from app.wiring import Services
from providers.base.webhook import HookKind, WebhookReport
from providers.events import CallEvent, EventKind
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import RestApi, serving


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

    def create(self, carrier: CarrierFake, **fields: Any) -> dict[str, Any]:
        owned = f"{carrier.name} number {carrier.number}"
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

    def settle(self, call: Mapping[str, Any]) -> None:
        """As its timer does: the ended reason is final, and the report is queued."""
        with self.context.store.write() as conn:
            found = record.get(conn, call["id"], lock=True)
            assert found is not None
            finalize(CallTx(self.context, conn, found))

    def reports(self, call: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The end-of-call reports that were queued."""
        sent = self.calls.messages(default_org.ORG_ID, call["id"])
        return [each["body"]["message"] for each in sent if each["type"] == "end-of-call-report"]

    def hear(
        self,
        call: Mapping[str, Any],
        carrier: CarrierFake,
        kind: EventKind,
        token: str | None = None,
        **more: Any,
    ) -> None:
        """A status callback to the URL the call was dialled with."""
        event = CallEvent(kind, self.clock(), f"callback:{kind}", source=carrier.name, **more)
        provider = self.context.providers[carrier.name]
        report = WebhookReport(carrier.dialled, (event,))
        token = token or self.tokens(call).callback
        with self.context.store.read() as conn:
            found = record.get(conn, call["id"])
        account = {"org_id": default_org.ORG_ID, "account_ref": found and found.facts.account_ref}
        heard = VerifiedWebhook(provider, HookKind.STATUS, report, [account], token=token)
        self.legs.handle(heard)

    def timers(self, call: Mapping[str, Any]) -> dict[str, float]:
        """The call's timers, with their seconds from now."""
        with self.context.store.read() as conn:
            found = record.get(conn, call["id"])
        assert found is not None
        waiting = found.timers or {}
        return {name: (t.due - self.clock()).total_seconds() for name, t in waiting.items()}

    def tokens(self, call: Mapping[str, Any]) -> DocumentTokens:
        """Those of the document the call was dialled with."""
        with self.context.store.read() as conn:
            found = record.get(conn, call["id"])
        assert found is not None
        return instructions.first_tokens(self.context, found)


@contextmanager
def domain(settings: Settings, *, rest: bool = True) -> Iterator[tuple[Domain, RestApi]]:
    """All carriers behind one API. ``rest``: their accounts may use it."""
    with serving() as api:
        accounts = tuple(
            CarrierSettings(name, fake.credential(rest=rest), fake.number, api.url)
            for name, fake in FAKES.items()
        )
        services = Services(replace(settings, carriers=accounts, api_key="a key of the tests"))
        services.upgrade()
        later, clock = Later(), Clock()
        context = replace(services.context, jobs=later, now=clock)
        default_org.create_default_org(context)
        yield Domain(context, later, clock), api
        services.store.close()
