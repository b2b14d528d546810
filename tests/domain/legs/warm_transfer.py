"""A call whose assistant hands it to an operator, step by step, at either carrier.

The carrier's webhooks are reports, because their words have tests of their own. Its API is played.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, TypeVar

import pytest

from app import default_org
from app.domain.calls import record, tokens
from app.domain.legs import caller_back, operator_call
from app.domain.legs.inbound import VerifiedWebhook
from app.settings import Settings
from app.store import commands
from providers.base.instructions import Instruction
from providers.base.webhook import HookKind, Leg, WebhookReport
from providers.events import CallEvent, EndedReason, EventKind
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import RestApi

Kind = TypeVar("Kind", bound="WarmTransfer")
NUMBER = "+14155550188"
OPERATOR = "operator-leg-1"
JOBS = {
    "dial-operator": operator_call.dial,
    "watch-transfer": operator_call.watch,
    "hang-up-operator": operator_call.hang_up,
    "caller-back": caller_back.run,
}


def there(mode: str = "warm-transfer-say-message", **plan: Any) -> dict[str, Any]:
    """A destination with this plan."""
    return {
        "type": "number",
        "number": NUMBER,
        "transferPlan": {"mode": mode, "message": "A caller about a bill.", **plan},
    }


class WarmTransfer:
    """The call is in progress; ``begin`` transfers it, and brings the caller into the room."""

    def __init__(
        self, ours: Domain, api: RestApi, carrier: CarrierFake, assistant: Any = None, **more: Any
    ) -> None:
        self.ours, self.api, self.carrier = ours, api, carrier
        given = assistant or {"transport": {"provider": "local"}}
        fields = {"assistant": given, "phoneCallProviderBypassEnabled": True, **more}
        self.call = ours.create(carrier, **fields)
        self.leg = Leg("the-callers-conversation", "the-callers-leg", inbound=True)
        self._number = count()
        self.api.replies["POST"] = [carrier.accepted]
        self.api.reply("PUT", (204, None))
        self.join()

    @property
    def forward(self) -> str:
        started = self.events("forward.started")[-1]
        return str(started["data"]["forward"])

    def join(self) -> None:
        """The media socket of the call's newest document is open."""
        stream = self.ours.tokens(self.call).media[:24]
        self.tell(HookKind.STATUS, EventKind.LEG_FETCHED)
        self.tell(HookKind.STATUS, EventKind.MEDIA_CONNECTED, stream=stream)

    def begin(self, destination: Any = None) -> list[Instruction]:
        """Transfer the call. Returns what the caller's leg is told once its socket is closed."""
        body = {"type": "transfer", "destination": destination or there(), "content": ""}
        self.ours.calls.control(default_org.ORG_ID, self.call["id"], None, body)
        return self.tell(HookKind.CONTINUE, EventKind.LEG_CONTINUED)

    def tell(
        self, hook: HookKind, *kinds: EventKind, token: str | None = None, **more: Any
    ) -> list[Instruction]:
        """A webhook about the caller's leg."""
        asks = hook in {HookKind.CONTINUE, HookKind.FORWARD}
        given = token or self.ours.tokens(self.call).callback
        return self._heard(hook, kinds, self.leg, given, asks, **more)

    def operator(
        self, hook: HookKind, kind: EventKind, *, asks: bool = True, **data: Any
    ) -> list[Instruction]:
        """A webhook about the operator's leg. ``asks``: for a document, where its kind does."""
        asks = asks and hook in {HookKind.OPERATOR, HookKind.SPOKE, HookKind.BRIEFED}
        told = {"forwardLegRef": OPERATOR, **data}
        return self._heard(hook, [kind], None, self.token(), asks, data=told)

    def room_left(self, *kinds: EventKind) -> list[Instruction]:
        """The caller's leg is out of the room."""
        reason = EndedReason.ASSISTANT_FORWARDED_CALL
        return self.tell(HookKind.FORWARD, *kinds, token=self.token(), reason=reason)

    def token(self) -> str:
        return tokens.forward_token(self.ours.context.vault, self.call["id"], self.forward)

    def _heard(
        self,
        hook: HookKind,
        kinds: Sequence[EventKind],
        leg: Leg | None,
        token: str,
        asks: bool,
        key: str = "",
        **more: Any,
    ) -> list[Instruction]:
        events = [
            CallEvent(kind, self.ours.clock(), key or f"{hook}:{next(self._number)}", **more)
            for kind in kinds
        ]
        provider = self.ours.context.providers[self.carrier.name]
        account = {"org_id": default_org.ORG_ID, "account_ref": self._account}
        report = WebhookReport(leg, tuple(events), asks=asks)
        return self.ours.legs.handle(
            VerifiedWebhook(provider, hook, report, [account], token=token)
        )

    @property
    def _account(self) -> str:
        with self.ours.context.store.read() as conn:
            found = record.get(conn, self.call["id"])
        assert found is not None
        return str(found.facts.account_ref)

    # -- jobs

    def has(self, kind: str) -> bool:
        return any(each == kind for each, _ in self.ours.later.waiting.values())

    def run(self, kind: str, step: str = "") -> float | None:
        """Run the waiting job of this kind, as the engine does: it stays until it has ended."""
        key = next(
            key
            for key, (each, _) in reversed(self.ours.later.waiting.items())
            if each == kind and key.endswith(step)
        )
        handler: Any = JOBS[kind]
        wait: float | None = handler(self.ours.context, json.loads(self.ours.later.payloads[key]))
        if wait is None:
            self.ours.later.waiting.pop(key)
        return wait

    def delay(self, kind: str, step: str) -> float:
        """The seconds until this job of a step is due."""
        return next(
            wait
            for key, (each, wait) in self.ours.later.waiting.items()
            if each == kind and key.endswith(step)
        )

    def dial(self) -> Any:
        """The operator is dialled: the request that the carrier got."""
        before = len(self.api.asked)
        self.run("dial-operator")
        return self.api.asked[before:]

    def answer(self) -> list[Instruction]:
        return self.operator(HookKind.OPERATOR, EventKind.OPERATOR_ANSWERED)

    def brief(self) -> list[Instruction]:
        return self.operator(HookKind.BRIEFED, EventKind.OPERATOR_BRIEFED)

    def until_briefed(self) -> None:
        """The operator has answered, and has heard why the caller comes."""
        self.begin()
        self.dial()
        self.answer()
        self.brief()

    # -- what is there

    @property
    def now(self) -> dict[str, Any]:
        return self.ours.get(self.call)

    @property
    def outcome(self) -> tuple[str, str | None]:
        return self.now["status"], self.now.get("endedReason")

    @property
    def ended(self) -> str | None:
        """The reason of a call that is over."""
        assert self.now["status"] == "ended"
        return self.now.get("endedReason")

    def events(self, kind: str) -> list[dict[str, Any]]:
        log = self.ours.calls.events(default_org.ORG_ID, self.call["id"])
        return [event for event in log if event["kind"] == kind]

    def commands(self) -> list[dict[str, Any]]:
        """What the assistant is told with its next socket; taken once."""
        with self.ours.context.store.write() as conn:
            taken = commands.take(conn, [self.call["id"]], self.ours.clock())
        return [dict(each.body) for each in taken]


def at_each_carrier(kind: type[Kind]) -> Any:
    """A fixture: such a transfer at each carrier."""

    @pytest.fixture(params=FAKES.values(), ids=list(FAKES))
    def made(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Kind]:
        with domain(settings) as (ours, api):
            yield kind(ours, api, request.param)

    return made
