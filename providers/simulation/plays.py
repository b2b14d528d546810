"""What happens in the scenarios that every carrier can play.

A carrier's class says how its legs come about and which words it uses. This file says what is done
with a leg.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from providers.common.json_types import JsonObject
from providers.simulation.assistants import ECHO, LISTENING, UPSTREAM
from providers.simulation.bridge import digits
from providers.simulation.client_server import client_server, hears
from providers.simulation.config import SIP_DESTINATION
from providers.simulation.media_socket import FRAME_SECONDS
from providers.simulation.owner_server import await_all, owner_server
from providers.simulation.realtime_model import SPEAK_SECONDS, SPEECH_TO_SPEECH, realtime_model
from providers.simulation.recording import RECORDED, check, end_when_recorded
from providers.simulation.scenario import unchanged
from providers.simulation.script import Turn
from providers.simulation.stage import (
    Callee,
    CallerAction,
    Stage,
    have_dialled,
    need_api,
    need_upstream,
)
from providers.simulation.supervisor import (
    SUPERVISED,
    WHISPER,
    hears_nothing,
    hears_voice,
    hears_words,
    sounds,
    supervising,
)
from providers.simulation.timeline import SimulatorError

ENDED_BY_ASSISTANT = "assistant-ended-call"
ENDED_BY_CUSTOMER = "customer-ended-call"
EXTENSION = "12#"
# The client's own words to a caller without an assistant.
CLOSED = "We are closed, please call tomorrow."
COPIES = 3
WARM = "warm-transfer-say-message"
SPEAKS_FIRST = "warm-transfer-wait-for-operator-to-speak-first-and-then-say-message"
VOICEMAIL_MODE = "warm-transfer-experimental"
TWIML_MODE = "warm-transfer-twiml"
SCREENING = (
    '<Pause length="1"/><Gather numDigits="1" timeout="5">'
    "<Say>Alice &amp; Bob &lt;press a key&gt;.</Say></Gather><Hangup/>"
)
# What the operator hears before the caller.
BRIEFING = "A caller who asks for a person."
# What the transfer assistant says to an operator who has decided.
AGREED, DECLINED = "Here is the caller.", "All right."
# A keypad menu as the transfer assistant, whatever answers the caller.
TALKS: JsonObject = {
    "mode": VOICEMAIL_MODE,
    "transferAssistant": {
        "firstMessage": "A caller asks for a person. Press 1 to take the call.",
        "model": {
            "provider": "embedded",
            "menu": {
                "1": {"say": AGREED, "then": "transferSuccessful"},
                "2": {"say": DECLINED, "then": "transferCancel"},
            },
        },
        "voice": {"provider": "embedded"},
    },
}


def hears_only(stage: Stage, party: str, *wanted: str) -> None:
    """Check, by its energy, what a leg has heard."""
    heard = stage.ears[party].heard
    if heard != set(wanted):
        stage.problem(f"the {party} heard {', '.join(sorted(heard)) or 'nothing'}")


class PhoneCall(Protocol):
    """A simulated call, as far as all carriers' calls are alike."""

    @property
    def rings(self) -> threading.Event:
        """Set once the dialled phone rings."""
        ...

    @property
    def over(self) -> threading.Event: ...


S = TypeVar("S", bound=Stage)
C = TypeVar("C", bound=PhoneCall)


class Plays(ABC, Generic[S, C]):
    """How one carrier plays the shared scenarios. ``title`` is its name in a sentence."""

    title: str
    # The carrier's word for a phone that rings out.
    no_answer: str
    # What the carrier's API says of a refused call.
    refusal: str
    # The ``endedReason`` of such a call.
    not_connected: str
    # The fields of ``phoneCallProviderDetails`` that a leg needs.
    documents: tuple[str, ...]
    # The bridge's callback URL without a token.
    status_path: str
    # Descriptions of shared scenarios for which this carrier has other words, by name.
    words: Mapping[str, str]

    # -- what each carrier does in its own way

    @abstractmethod
    def inbound(self, stage: S, *acts: CallerAction, assistant: JsonObject = ECHO) -> None:
        """Call in. The number's webhooks lead to the bridge and name the assistant."""

    @abstractmethod
    def unassigned(self, stage: S, *acts: CallerAction) -> None:
        """Call in. The number's webhooks lead to the bridge and name no assistant."""

    @abstractmethod
    def caller_ref(self, stage: S) -> str:
        """The carrier's id of the leg that called in."""

    @abstractmethod
    def own_document(self, stage: S, details: JsonObject, *acts: CallerAction) -> None:
        """Call in. The owner's webhook answers with our document, and gets the leg's callbacks."""

    @abstractmethod
    def api_bypass(self, stage: S, *acts: CallerAction, **fields: Any) -> None:
        """The same with a new call, whose callbacks go where its details say."""

    @abstractmethod
    def returned(self, reason: str) -> Mapping[str, str]:
        """The outcome that the owner's flow gets with a leg that comes back."""

    @abstractmethod
    def priced(self, stage: S) -> None:
        """Let the carrier report the price of a call."""

    @abstractmethod
    def place(self, stage: S, details: JsonObject) -> C:
        """Let the owner dial through the carrier's API, with the details as they are."""

    @abstractmethod
    def dialled(self, stage: S) -> C:
        """The one call that the bridge has dialled."""

    @abstractmethod
    def cancel(self, stage: S, call: C) -> None:
        """Let the owner cancel a call through the carrier's API."""

    @abstractmethod
    def report(self, call: C, status: str) -> None:
        """Let the carrier report this status of the call."""

    @abstractmethod
    def owners_url(self, stage: S) -> JsonObject:
        """The bridge's callback URL without a token, as a field of the details."""

    # -- the owner's side

    def details(self, stage: S, **fields: Any) -> JsonObject:
        """``phoneCallProviderDetails`` of a new call.

        Raises ``SimulatorError`` without a document.
        """
        created = stage.bridge.create_call(stage.carrier, **fields)
        stage.call_id = created["id"]
        details: JsonObject = created.get("phoneCallProviderDetails") or {}
        if not details.keys() >= set(self.documents):
            wanted = self.documents[0]
            raise SimulatorError(f"POST /call answered without phoneCallProviderDetails.{wanted}")
        return details

    def outbound(self, stage: S, outcome: str, *acts: CallerAction) -> C:
        """The owner dials with the details of POST /call."""
        stage.callee = Callee(outcome, acts or (CallerAction.PRESS,))
        call = self.place(stage, self.details(stage))
        stage.join()
        return call

    def listened(self, stage: S, act: CallerAction, *, machine: bool) -> None:
        """The same, with machine detection beside the call, as the assistant's policy asks."""
        stage.callee = Callee(acts=(act,), machine=machine)
        self.place(stage, self.details(stage, assistantOverrides=LISTENING))
        stage.join()

    def recorded(self, stage: S) -> None:
        """The owner's webhook answers with our document; the bridge starts the recording."""
        details = self.details(stage, assistantOverrides=RECORDED)
        stage.spawn(partial(self.own_document, stage, details, CallerAction.STAY))
        end_when_recorded(stage)
        check(stage)

    def canceled(self, stage: S) -> None:
        """The owner cancels while the phone rings."""
        stage.callee = Callee("rings")
        call = self.place(stage, self.details(stage))
        if not call.rings.wait(stage.config.timeout):
            raise SimulatorError("the phone never rang")
        self.cancel(stage, call)
        stage.join()

    def check_price(self, stage: S, leg_ref: str, amount: str | None, currency: str) -> None:
        """Check that the bridge stores the leg's price, in the carrier's currency."""
        told = stage.bridge.await_price(stage.known_call(), leg_ref)
        if told != {"amount": amount, "currency": currency, "leg": leg_ref}:
            stage.problem(f"the bridge was told {told}")

    def asked(self, stage: S, reply: JsonObject | None, *acts: CallerAction) -> None:
        """The number has no assistant, so the client's server is asked for one."""
        with client_server(stage, reply):
            self.unassigned(stage, *acts)

    def asked_in_vain(self, stage: S) -> None:
        self.asked(stage, {"error": CLOSED})
        hears(stage, CLOSED)

    def hooked(self, stage: S, action: JsonObject) -> None:
        """The number has a hook for this caller, so no assistant answers."""
        prefix = digits(stage.config.customer)[:2]
        filters = [{"type": "startsWith", "key": "number", "startsWith": [prefix]}]
        hook = {"on": "call.ringing", "filters": filters, "do": [action]}
        with stage.bridge.number_as(stage.carrier, {"hooks": [hook]}):
            self.unassigned(stage)
            stage.call_id = stage.bridge.call_of(self.caller_ref(stage))

    def hooked_say(self, stage: S) -> None:
        self.hooked(stage, {"type": "say", "exact": CLOSED})
        hears(stage, CLOSED)

    def refused_destination(self, stage: S, outcome: str) -> None:
        """The destination is not reached. The caller, back with the assistant, presses #."""
        stage.destination_outcome = outcome
        self.inbound(stage, CallerAction.TRANSFER, CallerAction.PRESS)

    def warm(self, stage: S, operator: Callee, *acts: CallerAction, **plan: Any) -> None:
        """The caller waits while an operator is dialled and spoken to."""
        need_api(stage)
        stage.operator = operator
        stage.bridge.plan = {"transferPlan": {"mode": WARM, "message": BRIEFING, **plan}}
        self.inbound(stage, CallerAction.TRANSFER, *acts)
        stage.join()

    def warm_answered(self, stage: S) -> None:
        """Both legs hear what they should, and nothing else."""
        self.warm(stage, Callee(), transferCompleteAudioUrl="https://owner.example/beep.mp3")
        hears_only(stage, "caller", "voice", "briefing", "music", "operator")
        hears_only(stage, "operator", "briefing", "signal", "caller")
        if not any(BRIEFING in line and line.count("operator") for line in stage.timeline.lines):
            stage.problem("the operator did not hear the message")

    def warm_failed(self, stage: S, operator: Callee, **plan: Any) -> None:
        """The caller, back with the assistant, presses #."""
        self.warm(stage, operator, CallerAction.PRESS, **plan)
        if "operator" in stage.ears["caller"].heard:
            stage.problem("the caller heard an operator")
        if not stage.moments.waits:
            stage.problem("the caller did not hear the assistant again")

    def warm_assisted(self, stage: S, words: str, act: CallerAction, *acts: CallerAction) -> None:
        """A transfer assistant talks with the operator, who does this. ``words``: it says so."""
        self.warm(stage, Callee(acts=(act,)), *acts, **TALKS)
        (told,) = stage.bridge.call(stage.known_call())["artifact"]["transfers"]
        if "messages" not in told or words not in told["transcript"]:
            stage.problem(f"the transfer has the transcript {told.get('transcript')!r}")

    def warm_agreed(self, stage: S) -> None:
        """The caller hears nothing of the talk, and the operator nothing of the caller until then."""
        self.warm_assisted(stage, AGREED, CallerAction.ACCEPT)
        hears_only(stage, "operator", "voice", "caller")
        hears_only(stage, "caller", "voice", "briefing", "music", "operator")

    def warm_declined(self, stage: S, act: CallerAction) -> None:
        """The caller, back with the assistant, presses #."""
        words = DECLINED if act is CallerAction.DECLINE else ""
        self.warm_assisted(stage, words, act, CallerAction.PRESS)
        hears_only(stage, "operator", "voice")
        if "operator" in stage.ears["caller"].heard:
            stage.problem("the caller heard the operator")

    def warm_dialled(self, stage: S) -> None:
        """The same of a call that the bridge dials."""
        stage.operator = Callee(acts=(CallerAction.ACCEPT,))
        stage.bridge.plan = {"transferPlan": TALKS}
        self.dial(stage, Callee(acts=(CallerAction.TRANSFER,)))
        hears_only(stage, "operator", "voice", "caller")

    def warm_spoken(self, stage: S) -> None:
        self.warm(stage, Callee(), mode=SPEAKS_FIRST)
        hears_only(stage, "operator", "briefing", "caller")

    def warm_screened(self, stage: S, key: str, *acts: CallerAction) -> None:
        """The operator's leg runs TwiML of the plan: it asks for a key, or hangs up."""
        self.warm(stage, Callee(key=key), *acts, mode=TWIML_MODE, twiml=SCREENING)
        hears_only(stage, "operator", "briefing", *(["caller"] if key else []))
        asked = "Alice & Bob <press a key>."
        if not any(asked in line for line in stage.timeline.lines):
            stage.problem(f"the operator did not hear {asked!r}")

    def by_sip_verb(self, stage: S, verb: str, outcome: str = "answered") -> None:
        """The caller came by SIP, and is transferred to another SIP address."""
        stage.by_sip, stage.destination_outcome = True, outcome
        plan = {"mode": "blind-transfer", "sipVerb": verb}
        stage.bridge.plan = {"type": "sip", "sipUri": SIP_DESTINATION, "transferPlan": plan}
        self.inbound(stage, CallerAction.TRANSFER, CallerAction.PRESS)
        if any(" is connected to " in line for line in stage.timeline.lines):
            stage.problem("the destination was dialled")

    def warm_abandoned(self, stage: S) -> None:
        stage.impatient = True
        self.warm(stage, Callee("rings"))

    # -- the owner's console leads to the bridge

    def owner_callbacks(self, stage: S) -> None:
        """The owner dials with a callback URL of the bridge's, before the leg is of a call."""
        need_api(stage)
        stage.callee = Callee(acts=(CallerAction.HANG_UP,))
        with owner_server(stage) as came:
            details = self.details(stage)
            self.place(stage, {**details, **self.owners_url(stage)})
            stage.join()
            await_all(stage, came, self.status_path)
        kinds = stage.bridge.kinds_of(stage.known_call())
        if missing := {"leg.ringing", "leg.answered", "leg.ended"} - kinds:
            stage.problem(f"not bound to the call: {', '.join(sorted(missing))}")

    # -- all slots are taken

    def queued(self, stage: S) -> None:
        """One caller talks, two wait; the slot is freed twice."""
        with stage.bridge.number_as(stage.carrier, {"queuePlan": {"mode": "wait"}}):
            self._fill(stage)
            for _ in range(2):
                stage.spawn(partial(self.inbound, stage, CallerAction.PRESS))
                stage.held.await_one(stage.config.timeout)
            self._free(stage)

    def queued_in_vain(self, stage: S) -> None:
        """The caller who waits hangs up."""
        stage.held.leaves = True
        with stage.bridge.number_as(stage.carrier, {"queuePlan": {"mode": "wait"}}):
            self._wait_and_free(stage)
            stage.join()
            stage.call_id = stage.bridge.call_of(stage.held.order[0])

    def queued_for_callback(self, stage: S) -> None:
        """The caller who waits presses 1, and is called back once the slot is free."""
        need_api(stage)
        stage.held.key = "1"
        with stage.bridge.number_as(stage.carrier, {"queuePlan": {"mode": "callback"}}):
            self._wait_and_free(stage)
            if not stage.placed.wait(stage.patience):
                raise SimulatorError("the bridge called nobody back")
            stage.join()

    def _fill(self, stage: S) -> None:
        """One caller takes the only slot, and stays."""
        stage.spawn(partial(self.inbound, stage, CallerAction.STAY))
        if not stage.talking.wait(stage.config.timeout):
            raise SimulatorError("the first caller was not connected")

    def _wait_and_free(self, stage: S) -> None:
        """A second caller waits for the only slot until the first one's call is ended."""
        self._fill(stage)
        busy = stage.known_call()
        self.inbound(stage, CallerAction.PRESS)
        stage.held.await_one(stage.config.timeout)
        stage.bridge.end_call(busy)

    def _free(self, stage: S) -> None:
        freed = time.monotonic()
        stage.bridge.end_call(stage.known_call())
        stage.join()
        held = stage.held
        if held.went() != held.order:
            stage.problem(f"held were {held.order}, connected {held.went()}")
        waited = min((held.joined[ref] for ref in held.went()), default=freed) - freed
        stage.timeline.add("caller", f"is connected {waited:.2f} s after the slot was free")

    # -- the bridge's assistant is a call at its upstream

    def upstream(self, stage: S, act: CallerAction, theirs: str) -> None:
        """The caller talks to the upstream's menu. ``theirs``: how its call ends there."""
        need_upstream(stage)
        self.inbound(stage, act, assistant=UPSTREAM)
        found = stage.bridge.await_upstream(stage.known_call())
        if found != ("ended", theirs):
            stage.problem(f"the upstream's call is {found}, not {theirs}")

    # -- a model that hears and speaks

    def speech_to_speech(self, stage: S) -> None:
        """The model greets; the caller presses a key, after which the model ends the call."""
        stage.turns = deque([Turn(keys="1")])
        with realtime_model(stage) as sessions:
            self.inbound(stage, CallerAction.CONVERSE, assistant=SPEECH_TO_SPEECH)
        heard, _ = sounds(bytes(stage.tape.heard), stage.tape.rate)
        stage.timeline.add("caller", f"has heard the model for {heard * FRAME_SECONDS:.1f} s")
        if not sessions or heard * FRAME_SECONDS < SPEAK_SECONDS / 2:
            stage.problem("the caller has not heard the model")

    # -- a supervisor

    def supervised(self, stage: S) -> None:
        """A supervisor whispers, takes the call over, speaks, and gives it back."""
        stage.spawn(partial(self.inbound, stage, CallerAction.STAY, assistant=SUPERVISED))
        if not stage.talking.wait(stage.config.timeout) or stage.socket is None:
            raise SimulatorError("the caller was not connected")
        socket, call_id = stage.socket, stage.known_call()
        hears_words(stage, socket)
        with supervising(stage) as supervisor:
            stage.bridge.whisper(call_id, WHISPER)
            supervisor.take_over()
            supervisor.speak()
            hears_voice(stage, socket)
            socket.press("1")
            hears_nothing(stage, socket)
            supervisor.give_back()
            socket.press("1")
            hears_words(stage, socket)
        socket.press("#")
        stage.join()
        kinds = stage.bridge.kinds_of(call_id)
        if missing := {"supervisor.took-over", "supervisor.gave-back"} - kinds:
            stage.problem(f"not in the event log: {', '.join(sorted(missing))}")

    # -- callbacks that go astray

    def shuffled(self, stage: S) -> None:
        stage.courier.hold()
        self.outbound(stage, "answered", CallerAction.HANG_UP)
        stage.courier.release(Random(stage.config.seed))  # noqa: S311 - can be repeated

    def duplicated(self, stage: S) -> None:
        stage.courier.copies = COPIES
        self.outbound(stage, "answered", CallerAction.PRESS)

    def late_no_answer(self, stage: S) -> None:
        call = self.outbound(stage, "answered", CallerAction.HANG_UP)
        late = partial(self.report, call, self.no_answer)
        unchanged(stage, ("ended", ENDED_BY_CUSTOMER), late)

    # -- the bridge dials

    def dial(self, stage: S, callee: Callee, **fields: Any) -> None:
        """The bridge dials by itself."""
        have_dialled(stage, callee, **fields)
        stage.join()

    def dial_to(self, stage: S, act: CallerAction) -> None:
        """The bridge dials, and the callee does this on every media socket."""
        self.dial(stage, Callee(acts=(act,)))

    def dial_extension(self, stage: S) -> None:
        customer = {"number": stage.config.customer, "extension": EXTENSION}
        self.dial(stage, Callee(), customer=customer)
        if stage.keys != EXTENSION:
            stage.problem(f"{self.title} was told to press {stage.keys!r}")

    def dial_recorded(self, stage: S) -> None:
        have_dialled(stage, Callee(acts=(CallerAction.STAY,)), assistantOverrides=RECORDED)
        end_when_recorded(stage)
        check(stage)

    def dial_refused(self, stage: S) -> None:
        self.dial(stage, Callee(refused=True))
        call = stage.bridge.await_outcome(stage.known_call(), ("ended", self.not_connected))
        if self.refusal not in call.get("endedMessage", ""):
            stage.problem(f"endedMessage is {call.get('endedMessage')!r}")

    def dial_canceled(self, stage: S) -> None:
        """The call is ended through the bridge's API while the phone rings."""
        have_dialled(stage, Callee("rings"))
        call = self.dialled(stage)
        if not call.rings.wait(stage.config.timeout):
            raise SimulatorError("the phone never rang")
        stage.bridge.end_call(stage.known_call())
        if not call.over.wait(stage.config.timeout):
            raise SimulatorError("the phone still rings")
        stage.join()

    def dial_without_callbacks(self, stage: S) -> None:
        stage.courier.hold()
        self.dial(stage, Callee(self.no_answer))
