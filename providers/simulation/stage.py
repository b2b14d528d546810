"""What the carriers' simulators share: stage, timeline, the bridge's public API, and the verdict.

A simulator plays the carrier and the flow's owner against a running bridge. It uses real HTTP and
websockets, signed as the carrier signs. It connects to the bridge only. Other URLs of a document
(the owner's servers, Studio) are simulated here and written down.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlencode, urlsplit

from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.held import Held
from providers.simulation.room import Ear, Room
from providers.simulation.script import (
    ASSISTANT_LEAVES,
    CALLER_LEAVES,
    MENU,
    TakenTurn,
    Tape,
    Turn,
)
from providers.simulation.timeline import FaultInjector, HttpClient, Timeline
from providers.simulation.timeline import SimulatorError as SimulatorError

# The pause between two looks at a call.
# A bridge that is late with its second request makes the third one 120 PRICE_SECONDS after the end.
PRICE_WAIT_SECONDS = 30.0
POLL_SECONDS = 0.05
# The assistant of most scenarios: repeats the caller and ends the call on ``#``.
ECHO = {"name": "Simulated assistant", "transport": {"provider": "echo"}}
# The assistant of conversations. Without a model it is the bridge's own menu, which speaks.
# It understands some words, too.
SPEAKING = {
    "name": "Simulated menu",
    "transport": {"provider": "local"},
    "transcriber": {"provider": "embedded"},
}
# Two menus: ``2`` of the first one hands the call to the second, which ends it on ``#``.
SQUAD = {
    "name": "Simulated squad",
    "members": [
        {
            "assistant": {
                **SPEAKING,
                "name": "First menu",
                "firstMessage": "This is the first menu.",
                "model": {
                    "provider": "embedded",
                    "menu": {
                        "2": {
                            "then": "transfer",
                            "destination": {
                                "type": "assistant",
                                "assistantName": "Second menu",
                                "message": "",
                            },
                        },
                        "#": {"say": "The first menu does not end the call."},
                    },
                },
            }
        },
        {
            "assistant": {
                **SPEAKING,
                "name": "Second menu",
                "firstMessage": "This is the second menu. Press hash to end the call.",
                "model": {"provider": "embedded"},
            }
        },
    ],
}
# What the caller hears before a transfer.
TRANSFERRING = "Please hold the line."
# Overrides of an assistant with machine detection by the carrier. ``twilio`` is Vapi's name for it
# with any carrier.
LISTENING = {
    "voicemailDetection": {"provider": "twilio", "voicemailDetectionTypes": ["machine_start"]}
}
JSON = {"Content-Type": "application/json"}

# A call's ``status`` and ``endedReason``.
Outcome = tuple[str | None, str | None]


def by_carrier(carrier: str) -> JsonDict:
    """The menu, with this carrier's own speech: text goes over the media socket."""
    return {
        "name": "Simulated menu by text",
        "transport": {"provider": carrier, "conversationType": "conversation-relay"},
    }


class CallerAction(StrEnum):
    """What the caller does once the media socket is open; one action per socket of a call."""

    PRESS = "press"
    """Talks, presses ``#``, and waits for the assistant to end."""
    HANG_UP = "hang-up"
    """Talks and hangs up."""
    DROP = "drop"
    """Talks; then the socket closes without a word, while the phone leg lives on."""
    END_CALL = "end-call"
    """Talks; then the call is ended through the bridge's API."""
    TRANSFER = "transfer"
    """Talks; then the call is transferred through the bridge's API."""
    STAY = "stay"
    """Listens until another side ends the call."""
    ACCEPT = "accept"
    """Of an operator: talks, presses ``1``, and waits for the assistant to leave."""
    DECLINE = "decline"
    """Of an operator: the same with ``2``."""
    CONVERSE = "converse"
    """Takes the configured turns, listens in between, and hangs up."""


@dataclass(frozen=True, slots=True)
class Callee:
    """How a dialled phone behaves.

    ``outcome`` is ``answered``, ``rings`` (until it is cancelled) or the carrier's own word for a
    failure. The last of ``acts`` repeats.
    """

    outcome: str = "answered"
    acts: Sequence[CallerAction] = (CallerAction.PRESS,)
    refused: bool = False
    """The carrier's API refuses a call to it."""
    unconfirmed: bool = False
    """The API places the call and answers with an error of its own."""
    machine: bool = False
    """A machine answers, and machine detection reports it."""


@dataclass(frozen=True, kw_only=True)
class SimulatorConfig:
    """Where the bridge is, and which parties to play. Each carrier adds its account.

    ``number`` and ``customer`` are E.164. ``speed`` scales every pause: 1 is real time, 0 none.
    ``timeout``: seconds until an expected event counts as missing.
    """

    bridge_url: str
    api_key: str = field(repr=False)
    number: str
    customer: str = "+14155550123"
    destination: str = "+14155550188"
    """Where calls are transferred to. Its country must be allowed at the bridge."""
    assistant_id: str | None = None
    """None: the scenario's own assistant, which is created once."""
    return_url: str
    """Where the owner's flow takes a leg back."""
    speed: float = 1.0
    timeout: float = 15.0
    seed: int = 1
    api_port: int = 0
    """Port of the carrier's REST API; 0 takes a free one."""
    turns: Sequence[Turn] = MENU
    """The caller's turns in a conversation."""
    record: Path | None = None
    """Where a conversation is written: a WAV file, caller left and assistant right."""
    ends: str | None = None
    """The ``endedReason`` of a conversation, if it differs from its scenario's."""
    either_ends: bool = False
    """Either side may end the conversation: its ``turns`` are not the scenario's."""


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


def common_settings(environ: Mapping[str, str]) -> JsonDict:
    """The part of a carrier's configuration that comes from the bridge's own variables."""
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
    """The bridge's public API, as its client uses it. Methods raise ``SimulatorError``."""

    def __init__(self, config: SimulatorConfig, wire: HttpClient, timeline: Timeline) -> None:
        self._config = config
        self._wire = wire
        self._timeline = timeline
        # The ``transferPlan`` of the next transfer, as a field of its destination.
        self.plan: JsonDict = {}

    def create_call(self, provider: str, *, basic: bool = False, **extra: Any) -> JsonDict:
        """Create a call in bypass mode.

        ``basic``: the key as a basic password, as Studio sends it.
        """
        body = {
            "phoneNumberId": self.phone_number_id(provider),
            "phoneCallProviderBypassEnabled": True,
            "customer": {"number": self._config.customer},
            "assistantId": self.assistant_id(),
            **extra,
        }
        call: JsonDict = self._api("POST", "/call", body, basic=basic)
        return call

    def call(self, call_id: str) -> JsonDict:
        call: JsonDict = self._api("GET", f"/call/{call_id}", quiet=True)
        return call

    def end_call(self, call_id: str) -> None:
        self._api("POST", f"/call/{call_id}/control", {"type": "end-call"})

    def transfer(self, call_id: str) -> None:
        destination = {**self.destination(), **self.plan}
        body = {"type": "transfer", "destination": destination, "content": TRANSFERRING}
        self._api("POST", f"/call/{call_id}/control", body)

    @contextmanager
    def number_with(self, provider: str, server_url: str) -> Iterator[None]:
        """Give the number this server and no assistant; restore it afterwards."""
        with self.number_as(provider, {"server": {"url": server_url}, "assistantId": None}):
            yield

    @contextmanager
    def number_as(self, provider: str, fields: JsonObject) -> Iterator[None]:
        """Give the number these fields; restore them afterwards."""
        path = f"/phone-number/{self.phone_number_id(provider)}"
        before = self._api("GET", path, quiet=True)
        self._api("PATCH", path, dict(fields))
        try:
            yield
        finally:
            kept = {name: before.get(name) for name in fields}
            self._api("PATCH", path, kept, quiet=True)

    def call_of(self, ref: str) -> str:
        """The id of the call of a leg. Raises ``SimulatorError``."""
        found = self._api("GET", f"/call?phoneCallProviderId={ref}", quiet=True)
        if not found:
            raise SimulatorError(f"the bridge has no call of leg {ref}")
        return str(found[0]["id"])

    def kinds_of(self, call_id: str) -> set[str]:
        """The kinds of the events that the bridge has of a call."""
        return {each["kind"] for each in self._api("GET", f"/call/{call_id}/events", quiet=True)}

    def destination(self) -> dict[str, str]:
        return {"type": "number", "number": self._config.destination}

    def phone_number_id(self, provider: str) -> str:
        wanted = digits(self._config.number)
        for number in self._api("GET", "/phone-number", quiet=True):
            if number.get("provider") == provider and digits(number.get("number")) == wanted:
                return str(number["id"])
        raise SimulatorError(f"the bridge has no {provider} phone number {self._config.number}")

    def assistant_id(self, wanted: JsonObject = ECHO) -> str:
        """The configured assistant, or the one of this name, which is created if it is missing."""
        if self._config.assistant_id:
            return self._config.assistant_id
        known = self._api("GET", "/assistant", quiet=True)
        found = [each["id"] for each in known if each.get("name") == wanted["name"]]
        return str(found[0] if found else self._api("POST", "/assistant", wanted)["id"])

    def await_outcome(self, call_id: str, *wanted: Outcome) -> JsonDict:
        """Wait until the call is as wanted, or has ended otherwise, or the time is up.

        Returns the call as it was last.
        """
        deadline = time.monotonic() + self._config.timeout
        seen: Outcome | None = None
        while True:
            call = self.call(call_id)
            if outcome(call) != seen:
                seen = outcome(call)
                self._timeline.add("bridge", f"call is {words(seen)}")
            if seen in wanted or time.monotonic() > deadline or self._is_settled(call):
                return call
            time.sleep(POLL_SECONDS)

    def _is_settled(self, call: JsonObject) -> bool:
        """Whether the end of the call is final: its reason does not become more specific."""
        if call.get("status") != "ended":
            return False
        events = self._api("GET", f"/call/{call['id']}/events", quiet=True)
        return any(each.get("kind") == "call.settled" for each in events or ())

    def await_price(self, call_id: str, leg_ref: str) -> dict[str, str]:
        """Wait for the carrier's price of this leg: ``{"amount", "currency", "leg"}``."""
        deadline = time.monotonic() + max(self._config.timeout, PRICE_WAIT_SECONDS)
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


def outcome(call: JsonObject) -> Outcome:
    return call.get("status"), call.get("endedReason")


def words(state: Outcome) -> str:
    return ", ".join(each for each in state if each) or "unknown"


# ------------------------------------------------------------------ a run


class Stage:
    """The state of one run. Carriers add their account and their signature."""

    carrier: str

    def __init__(self, config: SimulatorConfig, out: Callable[[str], object] = print) -> None:
        self.api_port, self.patience = config.api_port, config.timeout
        self.config = config
        self.timeline = Timeline(out)
        self.wire = HttpClient(self.timeline, config.bridge_url)
        self.bridge = Bridge(config, self.wire, self.timeline)
        self.courier = FaultInjector()
        self.call_id: str | None = None
        # TwiML or NCCO of the bridge's responses, as text.
        self.documents: list[str] = []
        # The outcome that the owner's flow got with its leg.
        self.returned: dict[str, str] = {}
        self.problems: list[str] = []
        # How the next dialled phone behaves.
        self.callee = Callee()
        # Set once the carrier's API has placed or refused a call.
        self.placed = threading.Event()
        # Keys to press once the phone is answered, as the API was asked.
        self.keys = ""
        # Text messages that the carrier's API was asked to send: number and text.
        self.texts: list[tuple[str, str]] = []
        # How the phone of a transfer's operator behaves.
        self.operator = Callee()
        # The caller hangs up while waiting for the operator.
        self.impatient = False
        # What each leg of a transfer has heard: ``caller`` and ``operator``.
        self.ears: dict[str, Ear] = {"caller": Ear(), "operator": Ear()}
        self.rooms: dict[str, Room] = {}
        # How the destination's phone behaves, in the carrier's own word.
        self.destination_outcome = "answered"
        # A call's price at the carrier's API, in the carrier's own notation; None: no price.
        self.price: str | None = None
        # How often the API shows a call without its price first.
        self.unpriced_looks = 0
        # The callers who wait for a slot.
        self.held = Held()
        # Both sides of the run's conversations.
        self.tape = Tape()
        # The turns of a conversation that the caller has not begun, over all its sockets.
        self.turns = deque(config.turns)
        # Those that were begun.
        self.taken: list[TakenTurn] = []
        # A turn has cut the media socket.
        self.cut = False
        # Set once the carrier records the call.
        self.recording = threading.Event()
        # The caller has hung up, so that no leg returns.
        self.left = False
        # Set once the caller is on an open media socket.
        self.talking = threading.Event()
        # The carrier's REST API, while it is served.
        self.api_url = ""
        # Settings of the number at the carrier that differ from what the bridge wants, by field.
        self.number: JsonDict = {}
        self._threads: list[threading.Thread] = []
        # A thread among them has been started.
        self._starting = threading.Lock()

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
        """The two sides of a request, for the timeline."""
        return f"{self.carrier} -> bridge"

    def spawn(self, target: Callable[[], object]) -> None:
        """Run in a thread; ``join`` waits for it."""
        thread = threading.Thread(target=self._guarded, args=(target,), daemon=True)
        with self._starting:
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait until every spawned call is over and every callback is answered."""
        while thread := self._a_thread():
            thread.join()
        self.flush()

    def _a_thread(self) -> threading.Thread | None:
        with self._starting:
            return self._threads.pop() if self._threads else None

    def flush(self) -> None:
        """Wait until every callback is answered. A refused one is a problem."""
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

    def phone(self, number: str) -> Callee:
        """How the phone of this number behaves: the destination's is the operator's."""
        is_operator = digits(number) == digits(self.config.destination)
        return self.operator if is_operator else self.callee

    def room(self, name: str) -> Room:
        return self.rooms.setdefault(name, Room())

    def known_call(self) -> str:
        if self.call_id is None:
            raise SimulatorError("no document named its call: the assistant was never connected")
        return self.call_id


def need_api(stage: Stage) -> None:
    """Raise ``SimulatorError`` when the bridge may use another API than the simulated one."""
    if not stage.api_port:
        name = f"{stage.carrier.upper()}_API_URL"
        raise SimulatorError(
            f"{name} is not http://127.0.0.1:PORT: give it to the bridge and to the simulator,"
            " which serves there, or the bridge asks the carrier itself"
        )


def have_dialled(stage: Stage, callee: Callee, **fields: Any) -> None:
    """Let the bridge dial, through the carrier's simulated API.

    Raises ``SimulatorError``; also when the bridge may use another API than the simulated one.
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
    """One scenario and its expected end."""

    name: str
    description: str
    """One sentence, for ``--list``."""
    play: Callable[[S], object]
    reason: str | None
    """``endedReason``; None where the call does not end."""
    status: str = "ended"
    returned: Mapping[str, str] = field(default_factory=dict)
    """What the owner's flow must get with its leg, at least."""
    either_ends: bool = False
    """The caller or the assistant may end it; ``reason`` does not count."""

    @property
    def expected(self) -> Outcome:
        return self.status, self.reason

    def right_ends(self, *, caller_left: bool) -> Sequence[Outcome]:
        """The ends that are right, the usual one first."""
        if not self.either_ends:
            return (self.expected,)
        reasons = (CALLER_LEAVES,) if caller_left else sorted(ASSISTANT_LEAVES)
        return [(self.status, reason) for reason in reasons]


@dataclass(frozen=True, slots=True)
class Result:
    """The result. ``ok`` decides the exit status."""

    ok: bool
    expected: Outcome
    got: Outcome
    call: JsonObject
    timeline: Sequence[str]
    documents: Sequence[str]
    returned: Mapping[str, str]
    problems: Sequence[str]

    @property
    def sentence(self) -> str:
        """What was expected, what came, and whatever was wrong."""
        if self.ok:
            return f"{words(self.got)}, as expected: ok"
        wrong = [f"expected {words(self.expected)}"] if self.got != self.expected else []
        return f"{words(self.got)}: WRONG ({'; '.join([*wrong, *self.problems])})"


def table(*scenarios: Scenario[S]) -> dict[str, Scenario[S]]:
    """Scenarios by name."""
    return {scenario.name: scenario for scenario in scenarios}


def named(scenarios: Mapping[str, Scenario[S]], name: str) -> Scenario[S]:
    """The scenario of this name. Raises ``SimulatorError`` with the list of names."""
    if name not in scenarios:
        raise SimulatorError(f"no scenario {name!r}; there are {', '.join(scenarios)}")
    return scenarios[name]


def play(scenario: Scenario[S], stage: S) -> Result:
    """Play it, wait until the call ends as expected, and compare."""
    call: JsonObject = {}
    try:
        scenario.play(stage)
        stage.flush()
        right = scenario.right_ends(caller_left=stage.left)
        call = stage.bridge.await_outcome(stage.known_call(), *right)
    except SimulatorError as error:
        stage.problem(str(error))
        right = scenario.right_ends(caller_left=stage.left)
    for name in () if stage.left else missing(scenario.returned, stage.returned):
        stage.problem(f"the flow was not told {name}={scenario.returned[name]}")
    got = outcome(call)
    expected = got if got in right else right[0]
    ok = got == expected and not stage.problems
    verdict = "ok" if ok else f"NOT OK, expected {words(expected)}"
    stage.timeline.add("result", f"{scenario.name}: {words(got)}: {verdict}")
    if why := call.get("endedMessage"):
        stage.timeline.add("result", f"endedMessage: {why}")
    lines, documents = list(stage.timeline.lines), list(stage.documents)
    return Result(ok, expected, got, call, lines, documents, stage.returned, list(stage.problems))


def expecting(scenario: Scenario[S], config: SimulatorConfig) -> Scenario[S]:
    """The scenario, with the end that the run's configuration expects."""
    if config.either_ends:
        return replace(scenario, either_ends=True)
    return replace(scenario, reason=config.ends) if config.ends else scenario


def missing(wanted: Mapping[str, str], given: Mapping[str, str]) -> Iterable[str]:
    return [name for name, value in wanted.items() if given.get(name) != value]


def unchanged(stage: Stage, wanted: Outcome, late: Callable[[], None]) -> None:
    """Once the call is as wanted, run ``late``, which must change nothing that a client sees."""
    stage.flush()
    seen = stage.bridge.await_outcome(stage.known_call(), wanted)
    late()
    stage.flush()
    now = stage.bridge.call(stage.known_call())
    for name in ("status", "endedReason", "startedAt", "endedAt"):
        if seen.get(name) != now.get(name):
            stage.problem(f"{name} was {seen.get(name)}, and became {now.get(name)}")
