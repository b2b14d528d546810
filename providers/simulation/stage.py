"""The stage of one run, which the carriers' simulators share.

A simulator plays the carrier and the flow's owner against a running bridge. It uses real HTTP and
websockets, signed as the carrier signs. It connects to the bridge only. Other URLs of a document
(the owner's servers, Studio) are simulated here and written down.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Self
from urllib.parse import urlencode

from providers.common.json_types import JsonDict
from providers.simulation.bridge import Bridge, digits
from providers.simulation.config import SimulatorConfig
from providers.simulation.held import Held
from providers.simulation.media_socket import MediaSocket
from providers.simulation.moments import Moments
from providers.simulation.room import Ear, Room
from providers.simulation.script import TakenTurn, Tape
from providers.simulation.timeline import FaultInjector, HttpClient, SimulatorError, Timeline


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
    key: str = ""
    """Pressed when a document asks for one. Empty: none is."""


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
        # The caller comes by SIP.
        self.by_sip = False
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
        # When things happened that a caller waits for.
        self.moments = Moments(partial(self.timeline.add, "caller"))
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
        # The caller's newest media socket.
        self.socket: MediaSocket | None = None
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

    def __exit__(self, *_: object) -> None:
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


def need_upstream(stage: Stage) -> None:
    """Raise ``SimulatorError`` when the bridge has no upstream that the simulator may ask."""
    if not (stage.config.upstream_url and stage.config.upstream_key):
        raise SimulatorError(
            "no VAPI_BASE_URL and VAPI_API_KEY: give the bridge and the simulator a second Patchbay"
            " as the upstream, with VAPI_PHONE_NUMBER_ID (docs/upstream-vapi.md)"
        )
    stage.wire.allow(stage.config.upstream_url)


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
