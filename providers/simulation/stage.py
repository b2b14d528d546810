"""What the carriers' simulators share: stage, timeline, the bridge's public API, and the verdict.

A simulator plays the carrier and the flow's owner against a running bridge, over real HTTP and
websockets, signed as the carrier signs. It talks to the bridge only: whatever else a document
names (the owner's servers, Studio) is played here and written down.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlencode, urlsplit

from providers.simulation.script import MENU, Tape, Turn
from providers.simulation.timeline import FaultInjector, HttpClient, Timeline
from providers.simulation.timeline import SimulatorError as SimulatorError

POLL_SECONDS = 0.05
"""Between two looks at a call."""
ECHO = {"name": "Simulated assistant", "transport": {"provider": "echo"}}
"""The assistant of every other scenario: repeats the caller and ends the call on ``#``."""
SPEAKING = {"name": "Simulated keypad menu", "transport": {"provider": "local"}}
"""The assistant of conversations: without a model it is the bridge's own menu, which speaks."""
TRANSFERRING = "Please hold the line."
"""What the caller hears before a transfer."""
LISTENING = {
    "voicemailDetection": {"provider": "twilio", "voicemailDetectionTypes": ["machine_start"]}
}
"""Overrides of an assistant that wants no machines. Vapi's one name of "the carrier listens"."""
JSON = {"Content-Type": "application/json"}

Outcome = tuple[str | None, str | None]
"""A call's ``status`` and ``endedReason``."""


class CallerAction(StrEnum):
    """What the caller does once the media socket is open; one act per socket of a call."""

    PRESS = "press"
    """Talks, presses ``#``, and waits for the assistant to end."""
    HANG_UP = "hang-up"
    """Talks and hangs up."""
    DROP = "drop"
    """Talks; then the socket dies without a word, while the phone leg lives on."""
    END_CALL = "end-call"
    """Talks; then somebody ends the call through the bridge's API."""
    TRANSFER = "transfer"
    """Talks; then somebody transfers the call through the bridge's API."""
    STAY = "stay"
    """Listens until somebody else ends it."""
    CONVERSE = "converse"
    """Takes the turns of the run's configuration, listening in between, and hangs up."""


@dataclass(frozen=True, slots=True)
class Callee:
    """How a dialled phone behaves.

    ``outcome`` is ``answered``, ``rings`` (until it is cancelled) or the carrier's own word for
    what went wrong. The last of ``acts`` repeats.
    """

    outcome: str = "answered"
    acts: Sequence[CallerAction] = (CallerAction.PRESS,)
    refused: bool = False
    """The carrier's API takes no call to it."""
    unconfirmed: bool = False
    """The API places the call and answers with an error of its own."""
    machine: bool = False
    """A machine answers, which is told to whoever had the carrier listen for one."""


@dataclass(frozen=True, kw_only=True)
class SimulatorConfig:
    """Where the bridge is and whom to play. Each carrier adds its account.

    ``number`` and ``customer`` are E.164. ``speed`` scales every pause: 1 is real time, 0 none.
    ``timeout``: seconds until something that should happen counts as not happening.
    """

    bridge_url: str
    api_key: str = field(repr=False)
    number: str
    customer: str = "+14155550123"
    destination: str = "+14155550188"
    """Where calls are transferred to: it must be of a country the bridge allows."""
    assistant_id: str | None = None
    """None: the scenario's own is made, once."""
    return_url: str
    """Where the owner's flow takes a leg back."""
    speed: float = 1.0
    timeout: float = 15.0
    seed: int = 1
    api_port: int = 0
    """Port of the carrier's REST API; 0 takes a free one."""
    turns: Sequence[Turn] = MENU
    """The caller's in a conversation."""
    record: Path | None = None
    """Where a conversation is written: a WAV file, caller left and assistant right."""
    ends: str | None = None
    """The ``endedReason`` of a conversation that ends otherwise than its scenario."""


def setting(environ: Mapping[str, str], name: str, default: str | None = None) -> str:
    """One environment variable, or the file ``NAME_FILE`` names. Raises ``SimulatorError``."""
    value = environ.get(name, "").strip()
    if not value and (path := environ.get(f"{name}_FILE", "").strip()):
        try:
            value = Path(path).read_text().strip()
        except OSError as error:
            raise SimulatorError(f"{name}_FILE cannot be read: {error}") from error
    if not value and default is None:
        raise SimulatorError(f"{name} is not set: the simulator needs what the bridge was given")
    return value or default or ""


def common_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """What every carrier's configuration takes from the bridge's own variables."""
    port = setting(environ, "PORT", "8000")
    return {
        "bridge_url": setting(environ, "PUBLIC_URL", f"http://localhost:{port}").rstrip("/"),
        "api_key": setting(environ, "API_KEY"),
    }


def own_port(api_url: str) -> int:
    """The port of a carrier's API address on this machine; 0 for any other address."""
    parts = urlsplit(api_url)
    return (parts.port or 0) if parts.hostname in ("localhost", "127.0.0.1") else 0


# ------------------------------------------------------------------ the bridge's public API


class Bridge:
    """The bridge's public API, as its client uses it. All raise ``SimulatorError``."""

    def __init__(self, config: SimulatorConfig, wire: HttpClient, timeline: Timeline) -> None:
        self._config = config
        self._wire = wire
        self._timeline = timeline

    def create_call(self, provider: str, *, basic: bool = False, **extra: Any) -> dict[str, Any]:
        """A call in bypass mode. ``basic``: the key as a basic password, for those who cannot send headers."""
        body = {
            "phoneNumberId": self.phone_number_id(provider),
            "phoneCallProviderBypassEnabled": True,
            "customer": {"number": self._config.customer},
            "assistantId": self.assistant_id(),
            **extra,
        }
        call: dict[str, Any] = self._api("POST", "/call", body, basic=basic)
        return call

    def call(self, call_id: str) -> dict[str, Any]:
        call: dict[str, Any] = self._api("GET", f"/call/{call_id}", quiet=True)
        return call

    def end_call(self, call_id: str) -> None:
        self._api("POST", f"/call/{call_id}/control", {"type": "end-call"})

    def transfer(self, call_id: str) -> None:
        body = {"type": "transfer", "destination": self.destination(), "content": TRANSFERRING}
        self._api("POST", f"/call/{call_id}/control", body)

    @contextmanager
    def number_with(self, provider: str, server_url: str) -> Iterator[None]:
        """The number has this server and no assistant; afterwards what it had before."""
        path = f"/phone-number/{self.phone_number_id(provider)}"
        before = self._api("GET", path, quiet=True)
        self._api("PATCH", path, {"server": {"url": server_url}, "assistantId": None})
        try:
            yield
        finally:
            kept = {name: before.get(name) for name in ("server", "assistantId")}
            self._api("PATCH", path, kept, quiet=True)

    def destination(self) -> dict[str, str]:
        return {"type": "number", "number": self._config.destination}

    def phone_number_id(self, provider: str) -> str:
        wanted = digits(self._config.number)
        for number in self._api("GET", "/phone-number", quiet=True):
            if number.get("provider") == provider and digits(number.get("number")) == wanted:
                return str(number["id"])
        raise SimulatorError(f"the bridge has no {provider} phone number {self._config.number}")

    def assistant_id(self, wanted: Mapping[str, Any] = ECHO) -> str:
        """The run's own, or the one of this name, which is made if there is none."""
        if self._config.assistant_id:
            return self._config.assistant_id
        known = self._api("GET", "/assistant", quiet=True)
        found = [each["id"] for each in known if each.get("name") == wanted["name"]]
        return str(found[0] if found else self._api("POST", "/assistant", wanted)["id"])

    def await_outcome(self, call_id: str, wanted: Outcome) -> dict[str, Any]:
        """Look until the call is as wanted, or the time is up; the call as it was seen last."""
        deadline = time.monotonic() + self._config.timeout
        seen: Outcome | None = None
        while True:
            call = self.call(call_id)
            if outcome(call) != seen:
                seen = outcome(call)
                self._timeline.add("bridge", f"call is {words(seen)}")
            if seen == wanted or time.monotonic() > deadline:
                return call
            time.sleep(POLL_SECONDS)

    def await_price(self, call_id: str, leg_ref: str) -> dict[str, str]:
        """The carrier's price of this leg, ``{"amount", "currency", "leg"}``, once the call tells it."""
        deadline = time.monotonic() + self._config.timeout
        while time.monotonic() < deadline:
            call = self.call(call_id)
            for told in (item.get("told", {}) for item in call.get("costs", ())):
                if told.get("leg") == leg_ref:
                    price = f"{told['amount']} {told['currency']}"
                    self._timeline.add("bridge", f"leg costs {price}, call {call['cost']} USD")
                    return dict(told)
            time.sleep(POLL_SECONDS)
        raise SimulatorError(
            "the bridge knows no price of the call: it asks for one after PRICE_SECONDS and ten times"
            " that, which must be less than a second here"
        )

    def _api(
        self, method: str, path: str, body: Any = None, *, basic: bool = False, quiet: bool = False
    ) -> Any:
        key = self._config.api_key
        token = base64.b64encode(f"flow:{key}".encode()).decode()
        headers = JSON | {"Authorization": f"Basic {token}" if basic else f"Bearer {key}"}
        data = b"" if body is None else json.dumps(body).encode()
        url = f"{self._config.bridge_url}{path}"
        response = self._wire.send("owner -> bridge", method, url, headers, data, quiet=quiet)
        if not 200 <= response.status < 300:
            answer = response.fault or f"{response.status} {response.text[:300]}"
            raise SimulatorError(f"{method} {url}: {answer}")
        return response.json() if response.body else None


def digits(number: object) -> str:
    """A number without ``+`` and punctuation."""
    return "".join(each for each in str(number or "") if each.isdigit())


def outcome(call: Mapping[str, Any]) -> Outcome:
    return call.get("status"), call.get("endedReason")


def words(state: Outcome) -> str:
    return ", ".join(each for each in state if each) or "unknown"


# ------------------------------------------------------------------ a run


class Stage:
    """Everything of one run. Carriers add their account and how they sign."""

    carrier: str

    def __init__(self, config: SimulatorConfig, out: Callable[[str], object] = print) -> None:
        self.api_port, self.patience = config.api_port, config.timeout
        self.config = config
        self.timeline = Timeline(out)
        self.wire = HttpClient(self.timeline, config.bridge_url)
        self.bridge = Bridge(config, self.wire, self.timeline)
        self.courier = FaultInjector()
        self.call_id: str | None = None
        self.documents: list[str] = []
        """TwiML or NCCO the bridge answered, as text."""
        self.returned: dict[str, str] = {}
        """What the owner's flow was given with its leg."""
        self.problems: list[str] = []
        self.callee = Callee()
        """How the next dialled phone behaves."""
        self.placed = threading.Event()
        """The carrier's API was asked for a call, and has placed or refused it."""
        self.keys = ""
        """What the API was told to press once the phone is answered."""
        self.destination_outcome = "answered"
        """How the phone behaves that a call is forwarded to, in the carrier's own word."""
        self.price: str | None = None
        """What the carrier's API says a call costs, in the carrier's own notation; None: nothing."""
        self.unpriced_looks = 0
        """How often the API shows a call without its price first."""
        self.tape = Tape()
        """What was said and heard in conversations."""
        self.recording = threading.Event()
        """The carrier records the call."""
        self.talking = threading.Event()
        """The caller is on an open media socket."""
        self.api_url = ""
        """Of the carrier's REST API, while it is served."""
        self.number: dict[str, Any] = {}
        """What its account was told about the number otherwise than the bridge wants it, by field."""
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.courier.close()
        self.wire.close()

    @property
    def outbound(self) -> str:
        """Who speaks to whom, in the timeline."""
        return f"{self.carrier} -> bridge"

    def spawn(self, target: Callable[[], object]) -> None:
        """Run beside; ``join`` waits for it."""
        thread = threading.Thread(target=self._guarded, args=(target,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait until every spawned call is over and every callback is answered."""
        while self._threads:
            self._threads.pop().join()
        self.flush()

    def flush(self) -> None:
        """Wait until every callback is answered; one that is not accepted is a problem."""
        for status in self.courier.flush():
            self.problem(f"a callback was answered {status or 'not at all'}")

    def _guarded(self, target: Callable[[], object]) -> None:
        try:
            target()
        except SimulatorError as error:
            self.problem(str(error))

    def problem(self, text: str) -> None:
        self.problems.append(text)
        self.timeline.add("problem", text)

    def received(self, document: str) -> None:
        self.documents.append(document)
        self.timeline.add(f"bridge -> {self.carrier}", " ".join(document.split()))

    def took_back(self, params: Mapping[str, str]) -> None:
        self.returned = dict(params)
        self.timeline.add("bridge -> owner", f"leg returned {urlencode(params)}")

    def known_call(self) -> str:
        if self.call_id is None:
            raise SimulatorError("no document named its call: the assistant was never connected")
        return self.call_id


def need_api(stage: Stage) -> None:
    """Raises ``SimulatorError`` when the bridge may know another API than the one played here."""
    if not stage.api_port:
        name = f"{stage.carrier.upper()}_API_URL"
        raise SimulatorError(
            f"{name} is not http://127.0.0.1:PORT: give it to the bridge and to the simulator,"
            " which serves there, or the bridge asks the carrier itself"
        )


def have_dialled(stage: Stage, callee: Callee, **fields: Any) -> None:
    """The owner has the bridge dial, which it does through the carrier's API that is played here.

    Raises ``SimulatorError``; also when the bridge may know another API than this one.
    """
    need_api(stage)
    stage.callee = callee
    created = stage.bridge.create_call(
        stage.carrier, **{"phoneCallProviderBypassEnabled": False, **fields}
    )
    stage.call_id = created["id"]
    if not stage.placed.wait(stage.patience):
        raise SimulatorError("the bridge asked for no call")


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True, slots=True)
class Scenario(Generic[S]):
    """One play and how it must end."""

    name: str
    description: str
    """One sentence, for ``--list``."""
    play: Callable[[S], object]
    reason: str | None
    """``endedReason``; None where the call does not end."""
    status: str = "ended"
    returned: Mapping[str, str] = field(default_factory=dict)
    """What the owner's flow must at least be given with its leg."""

    @property
    def expected(self) -> Outcome:
        return self.status, self.reason


@dataclass(frozen=True, slots=True)
class Result:
    """What came out. ``ok`` decides the exit status."""

    ok: bool
    expected: Outcome
    got: Outcome
    call: Mapping[str, Any]
    timeline: Sequence[str]
    documents: Sequence[str]
    returned: Mapping[str, str]
    problems: Sequence[str]


def table(*scenarios: Scenario[S]) -> dict[str, Scenario[S]]:
    """Scenarios by name."""
    return {scenario.name: scenario for scenario in scenarios}


def named(scenarios: Mapping[str, Scenario[S]], name: str) -> Scenario[S]:
    """Raises ``SimulatorError`` listing what there is."""
    if name not in scenarios:
        raise SimulatorError(f"no scenario {name!r}; there are {', '.join(scenarios)}")
    return scenarios[name]


def play(scenario: Scenario[S], stage: S) -> Result:
    """Play it, wait for the call to come out as expected, and compare."""
    call: Mapping[str, Any] = {}
    try:
        scenario.play(stage)
        stage.flush()
        call = stage.bridge.await_outcome(stage.known_call(), scenario.expected)
    except SimulatorError as error:
        stage.problem(str(error))
    for name in missing(scenario.returned, stage.returned):
        stage.problem(f"the flow was not told {name}={scenario.returned[name]}")
    ok = outcome(call) == scenario.expected and not stage.problems
    got = outcome(call)
    verdict = "ok" if ok else f"NOT OK, expected {words(scenario.expected)}"
    stage.timeline.add("result", f"{scenario.name}: {words(got)}: {verdict}")
    lines, documents = list(stage.timeline.lines), list(stage.documents)
    return Result(
        ok, scenario.expected, got, call, lines, documents, stage.returned, list(stage.problems)
    )


def expecting(scenario: Scenario[S], config: SimulatorConfig) -> Scenario[S]:
    """The scenario, with the end that the run's configuration expects."""
    return replace(scenario, reason=config.ends) if config.ends else scenario


def missing(wanted: Mapping[str, str], given: Mapping[str, str]) -> Iterable[str]:
    return [name for name, value in wanted.items() if given.get(name) != value]


def unchanged(stage: Stage, wanted: Outcome, late: Callable[[], None]) -> None:
    """Once the call is as wanted, ``late`` happens and must change nothing a client can see."""
    stage.flush()
    seen = stage.bridge.await_outcome(stage.known_call(), wanted)
    late()
    stage.flush()
    now = stage.bridge.call(stage.known_call())
    for name in ("status", "endedReason", "startedAt", "endedAt"):
        if seen.get(name) != now.get(name):
            stage.problem(f"{name} was {seen.get(name)}, and became {now.get(name)}")
