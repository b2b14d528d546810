"""Legs that arrive while all slots are taken: their requests, their ends, the jobs that call them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from app import default_org
from app.domain.calls import record, timer_jobs, timers
from app.domain.calls.record import CallTx
from app.domain.legs import scheduled
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.legs.queue import advance, line, wake
from app.domain.resources.assistants import ResourceService
from app.settings import Settings
from app.store import capacity, queue
from app.store.schema import credentials
from providers.base.instructions import Connect, Hold, Instruction
from providers.base.media import StreamStart
from providers.base.webhook import HookKind, InboundParams, Leg, WebhookReport
from providers.errors import Refused
from providers.events import CallEvent, EventKind
from providers.simulation.api_server import ApiReply
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.rest_api import UNKNOWN, RestApi

CALLER = "+1415555{:04}"


@dataclass
class Caller:
    """One caller's leg. ``answer``: the document that its carrier was given last."""

    ref: str
    number: str
    answer: list[Instruction] = field(default_factory=list)
    alive: bool = True
    requests: int = 0

    @property
    def waits(self) -> bool:
        return bool(self.answer) and isinstance(self.answer[0], Hold)

    @property
    def connected(self) -> bool:
        return bool(self.answer) and isinstance(self.answer[0], Connect)

    @property
    def hold(self) -> Hold:
        assert isinstance(self.answer[0], Hold), self.answer
        return self.answer[0]


class World:
    """The bridge, a carrier, and its callers."""

    def __init__(self, ours: Domain, api: RestApi, carrier: CarrierFake) -> None:
        self.ours, self.api, self.carrier = ours, api, carrier
        self.callers: list[Caller] = []
        assistants = ResourceService(ours.context).assistants
        body = {"name": "Reception", "transcriber": {"provider": "deepgram", "language": "de"}}
        self.assistant_id = assistants.create(default_org.ORG_ID, body)["id"]

    # ------------------------------------------------------------------ the carrier's requests

    def arrive(self, **visit: Any) -> Caller:
        """A new leg asks for its first document."""
        number = CALLER.format(len(self.callers))
        caller = Caller(self.carrier.new_ref(), number)
        self.callers.append(caller)
        return self.fetch(caller, **visit)

    def fetch(self, caller: Caller, **visit: Any) -> Caller:
        """The first document, or the same request again."""
        params = InboundParams(**{"assistant_id": self.assistant_id, **visit})
        event = self._event(EventKind.LEG_FETCHED, f"arrives {caller.ref}")
        leg = Leg(caller.ref, caller.ref, caller.number, self.carrier.number, inbound=True)
        report = WebhookReport(leg, (event,), asks=True, visit=params)
        caller.answer = self._handle(HookKind.ARRIVE, report)
        return caller

    def turn(self, caller: Caller, pressed: str = "", url: str = "") -> Caller:
        """The music is over, or a key was pressed: the leg asks again."""
        token = (url or caller.hold.next_url).rpartition("/")[2]
        report = WebhookReport(None, asks=True, pressed=pressed)
        caller.answer = self._handle(HookKind.WAIT, report, token)
        return caller

    def join(self, caller: Caller) -> bool:
        """Open the media socket of the last document. False: the handshake was refused."""
        connect = caller.answer[0]
        assert isinstance(connect, Connect)
        return self.open(connect.media_url, caller.ref)

    def open(self, url: str, ref: str) -> bool:
        target = urlsplit(url).path
        provider = self.ours.context.providers[self.carrier.name]
        headers = [(n.lower(), v) for n, v in self.carrier.signer.handshake(url).items()]
        try:
            claim = self.ours.media.claim(provider, target.rpartition("/")[2], target, headers)
        except Refused:
            return False
        start = StreamStart("MZ" + "0" * 32, ref, None, provider.serializer().sample_rate)
        self.ours.media.joined(claim, start)
        return True

    def go_on(self, caller: Caller) -> None:
        """Our document is over, and the leg is not."""
        event = self._event(EventKind.LEG_CONTINUED, f"goes on {caller.ref}")
        self._handle(HookKind.STATUS, WebhookReport(Leg(caller.ref, caller.ref), (event,)))

    def hang_up(self, caller: Caller, *, told: bool = True) -> None:
        """``told``: a status callback says so."""
        caller.alive = False
        if told:
            event = self._event(EventKind.LEG_ENDED, f"ends {caller.ref}", generic=True)
            leg = Leg(caller.ref, caller.ref)
            self._handle(HookKind.STATUS, WebhookReport(leg, (event,)))

    # ------------------------------------------------------------------ our own work

    def run_jobs(self) -> None:
        """Run what waits now, until nothing does. A leg that the API calls asks at once."""
        kinds = {wake.JOB, timer_jobs.CALL_WAITING, timer_jobs.START_SCHEDULED}
        jobs = self.ours.later.waiting
        while due := [key for key, (kind, _) in jobs.items() if kind in kinds]:
            for key in due:
                kind, _ = jobs.pop(key)
                self._run(kind, key.rpartition(":")[2])

    def _run(self, kind: str, call_id: str) -> None:
        context = self.ours.context
        if kind == wake.JOB:
            advance.run(context, {})
        elif kind == timer_jobs.START_SCHEDULED:
            scheduled.run(context, {"callId": call_id})
        else:
            caller = self.of(call_id)
            over = not (caller and caller.alive)
            reply = UNKNOWN if over else ApiReply(200, {"sid": "CA0", "status": "in-progress"})
            self.api.replies["POST"] = self.api.replies["PUT"] = [reply]
            self.api.replies["GET"] = [reply]
            before = len(self.api.asked)
            advance.call_leg(context, {"callId": call_id})
            called = any(each.method in {"POST", "PUT"} for each in self.api.asked[before:])
            if caller and caller.alive and called:
                self.turn(caller, url=self.url_of(call_id, line.CALLED))

    def fire_timers(self) -> None:
        """Fire what is due, of every caller."""
        for caller in self.callers:
            while timers.fire_due(self.ours.context, self.id_of(caller)):
                pass

    # ------------------------------------------------------------------ what is stored

    def id_of(self, caller: Caller) -> str:
        with self.ours.context.store.read() as conn:
            found = record.find_by_ref(conn, self.carrier.name, caller.ref, {default_org.ORG_ID})
        assert found is not None
        return found.id

    def of(self, call_id: str) -> Caller | None:
        return next((each for each in self.callers if self.id_of(each) == call_id), None)

    def call(self, caller: Caller) -> dict[str, Any]:
        return self.ours.get({"id": self.id_of(caller)})

    def outcomes(self, caller: Caller) -> list[str]:
        log = self.ours.calls.events(default_org.ORG_ID, self.id_of(caller))
        return [each["data"]["outcome"] for each in log if each["kind"] == "queue.left"]

    def kinds(self, caller: Caller) -> list[str]:
        return self.ours.kinds({"id": self.id_of(caller)})

    def slots(self) -> int:
        with self.ours.context.store.read() as conn:
            return capacity.slots_in_use(conn)

    def waiting(self) -> list[str]:
        """The calls in the line, first to last."""
        with self.ours.context.store.read() as conn:
            return [each.call_id for each in queue.first(conn, 1000)]

    def url_of(self, call_id: str, purpose: str = line.TURN) -> str:
        with self.ours.context.store.read() as conn:
            found = record.get(conn, call_id)
            assert found is not None
            return line.wait_url(CallTx(self.ours.context, conn, found), purpose)

    # ------------------------------------------------------------------ parts

    def _event(self, kind: EventKind, key: str, **more: Any) -> CallEvent:
        return CallEvent(kind, self.ours.clock(), key, source=self.carrier.name, **more)

    def _handle(
        self, hook: HookKind, report: WebhookReport, token: str | None = None
    ) -> list[Instruction]:
        provider = self.ours.context.providers[self.carrier.name]
        accounts = self._accounts()
        return self.ours.legs.handle(VerifiedWebhook(provider, hook, report, accounts, token=token))

    def _accounts(self) -> list[dict[str, Any]]:
        with self.ours.context.store.read() as conn:
            rows = conn.execute(credentials.select()).mappings()
            return [dict(row) for row in rows if row["provider"] == self.carrier.name]


@contextmanager
def world(
    settings: Settings, carrier: CarrierFake, *, slots: int = 1, rest: bool = True, **more: Any
) -> Iterator[World]:
    """A bridge with so many slots, whose legs wait."""
    limited = replace(settings, max_concurrent_calls=slots, **{"queue": "wait", **more})
    with domain(limited, rest=rest) as (ours, api):
        yield World(ours, api, carrier)
