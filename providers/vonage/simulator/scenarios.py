"""The scenarios of the simulated Vonage: how its legs come about, and what only Vonage plays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.assistants import ECHO, SPEAKING
from providers.simulation.bridge import digits
from providers.simulation.config import SIP_CALLER
from providers.simulation.plays import ENDED_BY_ASSISTANT, ENDED_BY_CUSTOMER, Plays
from providers.simulation.scenario import Scenario
from providers.simulation.scenarios import CANCELED, FORWARDED, scenarios
from providers.simulation.stage import CallerAction
from providers.simulation.timeline import SimulatorError
from providers.vonage.simulator.call import INBOUND, Call, EventUrl, Leg
from providers.vonage.simulator.config import VonageConfig, VonageStage
from providers.vonage.simulator.ncco_player import arrive
from providers.vonage.simulator.rest_api import conversation, given

# One run against a bridge.
Run = VonageStage[Leg]

DISCONNECTED = "vonage-disconnected"
ANSWER_PATH = "/vonage/answer"
FALLBACK_PATH = "/vonage/fallback"
EVENT_PATH = "/vonage/event"
# What the owner's own NCCO says once the assistant has left.
OWNERS_WORDS = "You are back with us."
# Events that go to the owner's application only.
NOWHERE = EventUrl(None)
# Vonage's words in the descriptions of shared scenarios.
WORDS = {
    "inbound": "A call to the application whose answer URL is the bridge's; the caller presses # and the assistant ends.",
    "inbound-hangup": "The same; the caller hangs up.",
    "api-bypass": "The owner's answer URL gives the NCCO of POST /call; the assistant ends.",
    "api-bypass-hangup": "The same; the caller hangs up.",
    "api-bypass-return": "The same with phoneCallProviderReturnUrl (its host in ALLOWED_RETURN_HOSTS): the owner is notified of the outcome.",
    "failed": "The same; Vonage cannot route the call.",
    "shuffled": "Every event of an answered call comes after it, in another order.",
    "late-no-answer": "An unanswered event comes after the end of an answered call, and changes nothing.",
    "price": "The callee hangs up; the last events of phone and media socket tell their prices.",
}


class VonagePlays(Plays[Run, Call]):
    """Vonage's legs."""

    title = "Vonage"
    no_answer = "unanswered"
    refusal = "403: Forbidden"
    not_connected = "vonage-failed-to-connect-call"
    documents = ("ncco", "eventUrl")
    status_path = EVENT_PATH
    words = WORDS

    def inbound(
        self,
        stage: Run,
        *acts: CallerAction,
        assistant: JsonObject = ECHO,
        method: str = "GET",
    ) -> None:
        """Call in. The application's answer and event URLs are the bridge's."""
        call = _caller(stage, acts, _events(stage))
        arrive(call, partial(call.fetch, _visit_url(stage, ANSWER_PATH, assistant), method))

    def unassigned(self, stage: Run, *acts: CallerAction) -> None:
        call = _caller(stage, acts, _events(stage))
        arrive(call, partial(call.fetch, f"{stage.config.bridge_url}{ANSWER_PATH}", "GET"))

    def caller_ref(self, stage: Run) -> str:
        return next(iter(stage.legs))

    def own_document(self, stage: Run, details: JsonObject, *acts: CallerAction) -> None:
        """The owner gets the phone leg's events, the bridge those of the socket and its leg."""
        arrive(_caller(stage, acts, NOWHERE), partial(given, stage, details["ncco"]))

    def api_bypass(self, stage: Run, *acts: CallerAction, **fields: Any) -> None:
        """The owner's answer URL gives the NCCO of POST /call.

        Phone events go where the details say.
        """
        details = self.details(stage, **fields)
        events = EventUrl(details["eventUrl"][0], details.get("eventMethod", "POST"))
        arrive(_caller(stage, acts, events), partial(given, stage, details["ncco"]))

    def returned(self, reason: str) -> Mapping[str, str]:
        return {"vapiEndedReason": reason}

    def priced(self, stage: Run) -> None:
        """The last event of every leg has its price."""
        leg = self.outbound(stage, "answered", CallerAction.HANG_UP).leg
        self.check_price(stage, leg.uuid, leg.price, "EUR")

    def place(self, stage: Run, details: JsonObject) -> Call:
        """Dial with the details: the API's own field names, the numbers as endpoints."""
        body = {
            "to": [{"type": "phone", "number": details["to"]}],
            "from": {"type": "phone", "number": details["from"]},
            "ncco": details["ncco"],
            "event_url": details["eventUrl"],
            "event_method": details.get("eventMethod", "POST"),
        }
        if "advancedMachineDetection" in details:
            body["advanced_machine_detection"] = details["advancedMachineDetection"]
        return _call_of(stage.legs[_rest(stage, "POST", "", body)["uuid"]])

    def owners_url(self, stage: Run) -> JsonObject:
        return {"eventUrl": [f"{stage.config.bridge_url}{EVENT_PATH}"]}

    def dialled(self, stage: Run) -> Call:
        (leg,) = stage.legs.values()
        return _call_of(leg)

    def cancel(self, stage: Run, call: Call) -> None:
        _rest(stage, "PUT", f"/{call.leg.uuid}", {"action": "hangup"})

    def report(self, call: Call, status: str) -> None:
        call.leg.happen(status)

    # -- Vonage's own ways

    def fallback(self, stage: Run) -> None:
        """The owner's answer URL is down; the fallback URL is the bridge's."""
        call = _caller(stage, (CallerAction.PRESS,), _events(stage))
        failed = {"url": f"{stage.config.return_url}/answer", "type": "answer"}
        extra = {"reason": "Connection closed.", "original_request": failed}
        arrive(call, partial(call.fetch, _visit_url(stage, FALLBACK_PATH, ECHO), "GET", extra))

    def own_application(self, stage: Run, act: CallerAction = CallerAction.PRESS) -> None:
        """The same, and the owner keeps the phone leg's events."""
        self.own_document(stage, self.details(stage), act)

    def abandoned(self, stage: Run) -> None:
        stage.destination_outcome = "cancelled"
        self.own_application(stage, CallerAction.TRANSFER)

    def end_call(self, stage: Run) -> None:
        """The owner's NCCO has its own action after ours: the way back without a URL."""
        details = self.details(stage)
        call = _caller(stage, (CallerAction.END_CALL,), NOWHERE)
        ncco = [*details["ncco"], {"action": "talk", "text": OWNERS_WORDS}]
        arrive(call, partial(given, stage, ncco))
        if OWNERS_WORDS not in call.spoken:
            stage.problem("the owner's NCCO did not go on after the assistant")


PLAYS = VonagePlays()
# How a test's call comes about, by the word of its file (docs/testing-assistants.md).
WAYS: Mapping[str, Callable[[Run, CallerAction], object]] = {
    "number": PLAYS.inbound,
    "bypass": PLAYS.api_bypass,
    "dialled": PLAYS.dial_to,
}


# ------------------------------------------------------------------ steps


def _caller(stage: Run, acts: Sequence[CallerAction], events: EventUrl) -> Call:
    """An inbound leg. Vonage writes the uuids of these without dashes."""
    from_ = SIP_CALLER if stage.by_sip else digits(stage.config.customer)
    to = digits(stage.config.number)
    leg = Leg(stage, conversation(), from_, to, INBOUND, events, uuid=uuid4().hex)
    return Call(leg, acts)


def _events(stage: Run) -> EventUrl:
    """The bridge's event URL."""
    return EventUrl(f"{stage.config.bridge_url}{EVENT_PATH}")


def _visit_url(stage: Run, path: str, assistant: JsonObject) -> str:
    asked = urlencode({"assistantId": stage.bridge.assistant_id(assistant)})
    return f"{stage.config.bridge_url}{path}?{asked}"


def _call_of(leg: Leg) -> Call:
    """The call of a phone leg. Raises ``SimulatorError`` for a websocket's leg, which has none."""
    if leg.call is None:
        raise SimulatorError(f"{leg.to} is no phone")
    return leg.call


def _rest(stage: Run, method: str, path: str, body: JsonObject) -> JsonDict:
    """The owner's request to the simulated API. Raises ``SimulatorError`` when it is refused."""
    headers = {
        "Authorization": f"Bearer {application_token(stage.config)}",
        "Content-Type": "application/json",
    }
    url = f"{stage.api_url}/v1/calls{path}"
    data = json.dumps(body).encode()
    response = stage.wire.send(f"owner -> {stage.carrier}", method, url, headers, data, quiet=True)
    if response.status >= 400:
        raise SimulatorError(f"the Voice API refused the bridge's details: {response.text}")
    answer: JsonDict = response.json() if response.body else {}
    return answer


def application_token(config: VonageConfig) -> str:
    """The token that an owner's application sends to the Voice API."""
    now = int(time.time())
    claims = {"application_id": config.application_id, "iat": now, "jti": str(uuid4())}
    key = config.private_key or _any_key()
    return jwt.encode({**claims, "exp": now + 900}, key, algorithm="RS256")


@cache
def _any_key() -> str:
    """A key of this process alone. The simulated API has no key to compare."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


SCENARIOS = scenarios(
    PLAYS,
    own={
        "inbound": (
            Scenario(
                "conversation",
                "A call to the bridge's own menu; the caller listens, answers, and ends with #.",
                lambda stage: PLAYS.inbound(stage, CallerAction.CONVERSE, assistant=SPEAKING),
                ENDED_BY_ASSISTANT,
            ),
            Scenario(
                "inbound-post",
                "The same, with the answer URL called by POST.",
                lambda stage: PLAYS.inbound(stage, CallerAction.PRESS, method="POST"),
                ENDED_BY_ASSISTANT,
            ),
        ),
        "inbound-hangup": (
            Scenario(
                "fallback",
                "The owner's answer URL is down, and the bridge's fallback URL takes the call.",
                PLAYS.fallback,
                ENDED_BY_ASSISTANT,
            ),
            Scenario(
                "own-application",
                "The owner's answer URL gives the NCCO of POST /call, and its event URL keeps the phone leg's events.",
                PLAYS.own_application,
                ENDED_BY_ASSISTANT,
            ),
        ),
        "failed": (
            Scenario(
                "rejected",
                "The same; the call is rejected, and no completed follows.",
                lambda stage: PLAYS.outbound(stage, "rejected"),
                "vonage-rejected",
            ),
        ),
        "websocket-dropped": (
            Scenario(
                "websocket-dropped-for-good",
                "The media socket dies every time.",
                lambda stage: PLAYS.inbound(stage, CallerAction.DROP),
                DISCONNECTED,
            ),
        ),
        "never-arrives": (
            Scenario(
                "end-call",
                "The call is ended through the bridge's API; the owner's NCCO goes on with the leg.",
                PLAYS.end_call,
                CANCELED,
            ),
        ),
        "dial-lost-callbacks": (
            Scenario(
                "transfer",
                "The assistant transfers the call; destination and caller talk, and the destination hangs up.",
                lambda stage: PLAYS.inbound(stage, CallerAction.TRANSFER),
                FORWARDED,
            ),
            Scenario(
                "transfer-own-application",
                "The same, where the owner keeps the phone leg's events.",
                lambda stage: PLAYS.own_application(stage, CallerAction.TRANSFER),
                FORWARDED,
            ),
        ),
        "transfer-busy": (
            Scenario(
                "transfer-rejected",
                "The destination rejects the call, and no completed follows; the caller presses #.",
                lambda stage: PLAYS.refused_destination(stage, "rejected"),
                ENDED_BY_ASSISTANT,
            ),
            Scenario(
                "transfer-abandoned",
                "The caller hangs up while the destination rings; the owner keeps the phone leg's events.",
                PLAYS.abandoned,
                ENDED_BY_CUSTOMER,
            ),
        ),
    },
)
