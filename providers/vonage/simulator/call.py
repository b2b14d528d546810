"""One simulated Vonage call: a conversation, its legs, and the events about them.

``ncco_player`` runs its NCCO. Numbers have no ``+`` here. Every leg has its own uuid, and all share
the conversation's. https://developer.vonage.com/en/voice/voice-api/webhook-reference
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.recording import wav
from providers.simulation.stage import CallerAction
from providers.simulation.timeline import Response
from providers.vonage.simulator.config import VonageStage
from providers.vonage.simulator.media import VonageSocket

Ncco = list[JsonDict]
# Where a call's NCCO comes from; None when none comes.
Source = Callable[[], Ncco | None]

INBOUND, OUTBOUND = "inbound", "outbound"
# ``disconnected_by``: the party on that leg, or Vonage.
USER, PLATFORM = "user", "platform"
RATE = "0.00450000"
NETWORK = "GB-FIXED"
REGION_URL = "https://api-eu-3.vonage.com"
# What Vonage adds to an event, by its status.
DETAILS: dict[str, JsonDict] = {
    "unanswered": {"detail": "timeout", "sip_code": 480},
    "rejected": {"detail": "declined", "sip_code": 603},
    "failed": {"detail": "cannot_route", "sip_code": 404},
    "busy": {"sip_code": 486},
}
UNANSWERED = {*DETAILS, "cancelled", "timeout"}
CONTENT_TYPE = "application/json"
# Path of recordings.
FILES = "/v1/files/"


@dataclass(frozen=True, slots=True)
class EventUrl:
    """Where a leg's events go. None as URL: to a server that is not simulated."""

    url: str | None
    method: str = "POST"


@dataclass
class Leg:
    """One connection to or from Vonage. Its events are dated when they happen."""

    stage: VonageStage[Leg]
    conversation: str
    from_: str
    to: str
    direction: str
    events: EventUrl
    uuid: str = field(default_factory=lambda: str(uuid4()))
    headers: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.status = "started"
        self.created = datetime.now(UTC)
        self.over = threading.Event()
        # Of a websocket leg.
        self.socket: VonageSocket | None = None
        # The NCCO of the REST API's transfer, until it is run.
        self.redirected: Ncco | None = None
        self.call: Call | None = None
        # EUR, as its last event has it.
        self.price: str | None = None
        self._answered: datetime | None = None
        # The keys that the REST API played to this leg.
        self.keys = ""
        self.seconds = 0
        self.ended: datetime | None = None
        self._lock = threading.Lock()

    def happen(self, status: str, **extra: Any) -> None:
        """Send an event whose response does not matter."""
        if self.events.url is not None:
            self.stage.courier.post(self._prepare(status, extra))

    def ask(self, status: str, **extra: Any) -> Response:
        """Send an event whose response may be the next NCCO."""
        if self.events.url is None:
            return Response(204, b"")
        return self.stage.courier.ask(self._prepare(status, extra))

    @property
    def began(self) -> datetime | None:
        """When the leg was answered."""
        return self._answered

    def answered(self) -> None:
        self._answered = datetime.now(UTC)
        self.happen("answered", start_time=None, rate=None, network=None)

    def moved(self, conversation: str) -> None:
        """Move to another conversation, of which an event without a status tells."""
        before, self.conversation = self.conversation, conversation
        if self.events.url is None:
            return
        event = {
            "uuid": self.uuid,
            "type": "transfer",
            "conversation_uuid_from": before,
            "conversation_uuid_to": conversation,
            "timestamp": iso(datetime.now(UTC)),
        }
        url, method = self.events.url, self.events.method
        self.stage.courier.post(self.stage.prepare(method, url, event, "transfer (phone leg)"))

    def detected(self, word: str, *, wait: bool = False) -> None:
        """Send the verdict of machine detection; with ``wait`` until it is answered.

        It names the leg ``call_uuid``, and has no status of it.
        """
        if self.events.url is None:
            return
        event = {
            "from": self.from_,
            "to": self.to,
            "call_uuid": self.uuid,
            "conversation_uuid": self.conversation,
            "status": word,
            "timestamp": iso(datetime.now(UTC)),
        }
        url, method = self.events.url, self.events.method
        send = self.stage.prepare(method, url, event, f"{word} (phone leg)")
        if wait:
            self.stage.courier.ask(send)
        else:
            self.stage.courier.post(send)

    def complete(self, by: str) -> None:
        """Send the last event of a leg. The first end counts.

        The API shows a leg that was never answered by its own word, for which calls can be listed.
        """
        with self._lock:
            if self.over.is_set():
                return
            self.over.set()
        if self.call is not None:
            self.call.nudged.set()
        now = datetime.now(UTC)
        began = self._answered or now
        seconds = round((now - began).total_seconds())
        self.seconds, self.ended = seconds, now
        billed = max(seconds, 1) if self._answered else 0
        self.price = f"{float(RATE) * billed / 60:.8f}"
        costs = {"rate": RATE, "price": self.price, "network": NETWORK}
        times = {"start_time": iso(began), "end_time": iso(now), "duration": str(seconds)}
        if self.call is not None:
            self.call.finish_recordings()
        unanswered = self.status if self._answered is None and self.status in UNANSWERED else None
        sip_code = DETAILS.get(unanswered or "", {}).get("sip_code", 200)
        self.happen("completed", **costs, **times, disconnected_by=by, sip_code=sip_code)
        self.status = unanswered or self.status

    def hang_up(self) -> None:
        """Hang up through the REST API.

        A websocket leg that ends so is not reported as disconnected.
        """
        if self._answered is None:
            self.happen("cancelled")
        self.complete(PLATFORM)
        if self.call is not None:
            self.call.interrupt()
        elif self.socket is not None:
            self.socket.interrupt()

    def hear_keys(self, keys: str) -> None:
        """Play keys that came through the REST API; ``p`` is a pause."""
        self.keys += keys
        self.stage.timeline.add("vonage -> phone", f"keys {keys}")
        for key in keys.replace("p", ""):
            if self.socket is not None:
                self.socket.press(key)

    def transfer(self, ncco: Ncco) -> None:
        """Run another NCCO now, through the REST API."""
        self.redirected = ncco
        if self.call is not None:
            self.call.interrupt()

    def event(self, status: str, **extra: Any) -> JsonDict:
        self.status = status
        return {
            "from": self.from_,
            "to": self.to,
            "uuid": self.uuid,
            "conversation_uuid": self.conversation,
            "status": status,
            "direction": self.direction,
            "timestamp": iso(datetime.now(UTC)),
            "headers": dict(self.headers),
            **DETAILS.get(status, {}),
            **extra,
        }

    def _prepare(self, status: str, extra: JsonObject) -> Callable[[], Response]:
        kind = "socket" if self.to.startswith(("ws://", "wss://")) else "phone"
        event, url = self.event(status, **extra), self.events.url or ""
        return self.stage.prepare(self.events.method, url, event, f"{status} ({kind} leg)")


@dataclass
class Call:
    """A phone leg and what it runs.

    ``acts``: the caller's on each media socket; the last repeats.
    """

    leg: Leg
    acts: Sequence[CallerAction] = (CallerAction.PRESS,)
    time_limit: float | None = None
    """Seconds until Vonage itself ends the call."""

    def __post_init__(self) -> None:
        self.leg.call = self
        self.rings = threading.Event()
        # What it hears is over: it has ended, or goes on with another NCCO.
        self.nudged = threading.Event()
        # Texts of ``talk`` that the caller heard.
        self.spoken: list[str] = []
        # The open websocket leg.
        self.media: Leg | None = None
        # ``human`` or ``machine``, until it is sent; empty without machine detection.
        self.verdict = ""
        # Where the running recordings will be reported.
        self.recordings: list[EventUrl] = []
        self._acts = iter(self.acts)
        self.began = time.monotonic()

    @property
    def stage(self) -> VonageStage[Leg]:
        return self.leg.stage

    @property
    def party(self) -> str:
        """``operator`` for the leg to the operator of a transfer, else ``caller``."""
        to = self.leg.to == self.stage.config.destination.removeprefix("+")
        return "operator" if to and self.leg.direction == OUTBOUND else "caller"

    @property
    def over(self) -> threading.Event:
        return self.leg.over

    def next_act(self) -> CallerAction:
        return next(self._acts, self.acts[-1])

    def tell_verdict(self, *, wait: bool = False) -> None:
        word, self.verdict = self.verdict, ""
        if word == "machine" and self.party == "operator":
            self.stage.moments.transfer_failed()
        if word:
            self.leg.detected(word, wait=wait)

    def finish_recordings(self) -> None:
        """End the recordings, as the conversation ends. Such an event names no leg."""
        running, self.recordings = self.recordings, []
        for events in running:
            ref, file = str(uuid4()), str(uuid4())
            self.stage.files.add(file)
            now = iso(datetime.now(UTC))
            event = {
                "start_time": now,
                "recording_url": f"https://api.nexmo.com{FILES}{file}",
                "size": len(wav()),
                "recording_uuid": ref,
                "end_time": now,
                "conversation_uuid": self.leg.conversation,
                "timestamp": now,
            }
            if events.url is not None:
                post = self.stage.prepare(events.method, events.url, event, "recording")
                self.stage.courier.post(post)

    def interrupt(self) -> None:
        """Stop what runs now: the leg is over, or goes on with another NCCO."""
        self.nudged.set()
        if (media := self.media) is not None and media.socket is not None:
            media.socket.interrupt()

    def fetch(self, url: str, method: str, extra: JsonObject | None = None) -> Ncco | None:
        """Fetch NCCO from an answer URL. Returns None, and notes a problem, if it is not NCCO."""
        payload = {
            "to": self.leg.to,
            "from": self.leg.from_,
            "endpoint_type": "sip" if self.leg.from_.startswith("sip:") else "phone",
            "conversation_uuid": self.leg.conversation,
            "uuid": self.leg.uuid,
            "region_url": REGION_URL,
            **(extra or {}),
        }
        request = self.stage.prepare(method, url, payload, "answer")
        return self.read(self.stage.courier.ask(request))

    def read(self, response: Response) -> Ncco | None:
        """The NCCO in a response, if there is one.

        An invalid one is a problem, and counts as none.
        """
        if 200 <= response.status < 300 and not response.body:
            return None
        self.stage.received(response.text)
        if fault := unusable(response):
            self.stage.problem(fault)
            return None
        ncco: Ncco = json.loads(response.body)
        return ncco


def unusable(response: Response) -> str:
    """Why Vonage would not run this response; empty when it would."""
    kind = response.content_type.partition(";")[0].strip().lower()
    if not 200 <= response.status < 300:
        return f"answered {response.status or 'nothing'} {response.text[:120]!r}"
    if kind != CONTENT_TYPE:
        return f"incorrectly encoded NCCO: content type {kind or 'none'}"
    try:
        ncco = json.loads(response.body)
    except ValueError:
        return "incorrectly encoded NCCO: not JSON"
    if not isinstance(ncco, list) or not all(isinstance(each, dict) for each in ncco):
        return "Syntax error in NCCO. Not an array of actions."
    return ""


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
