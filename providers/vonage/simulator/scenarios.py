"""Vonage, played against a running bridge: its webhooks, media sockets and Voice API, and the owner.

``run`` plays one of ``SCENARIOS``; ``serve_api`` is the Voice API alone. Nothing here talks to
Vonage, and what a document sends to the owner's application is only written down.
https://developer.vonage.com/en/voice/voice-api/concepts/call-flow
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.simulation.client_server import hears, owner
from providers.simulation.recording import RECORDED, check, end_when_recorded
from providers.simulation.script import Turn, When
from providers.simulation.stage import (
    ECHO,
    LISTENING,
    SPEAKING,
    Act,
    Callee,
    Result,
    Scenario,
    digits,
    expecting,
    have_dialled,
    named,
    play,
    table,
    unchanged,
)
from providers.simulation.timeline import SimulatorError
from providers.vonage.simulator.call import INBOUND, Call, EventUrl, Leg
from providers.vonage.simulator.config import VonageConfig, VonageStage, config_from_environment
from providers.vonage.simulator.ncco_player import arrive
from providers.vonage.simulator.rest_api import conversation, given, serve_api

__all__ = [
    "DEMO",
    "DEMO_ENVIRONMENT",
    "DEMO_TURNS",
    "SCENARIOS",
    "VonageConfig",
    "config_from_environment",
    "run",
    "serve_api",
]

DEMO = "conversation"
"""The scenario `make demo` plays."""
DEMO_TURNS = (Turn(keys="2", when=When.OVER), Turn(keys="#"))
"""Its caller interrupts the greeting."""
DEMO_ENVIRONMENT = {
    "VONAGE_API_KEY": "demo1234",
    "VONAGE_SIGNATURE_SECRET": "the demo's signature secret, long enough",
    "VONAGE_PHONE_NUMBER": "15550100002",
}
"""The bridge's settings for an account that exists only here."""

NOT_CONNECTED = "vonage-failed-to-connect-call"
EXTENSION = "12#"
ENDED_BY_ASSISTANT = "assistant-ended-call"
ENDED_BY_CUSTOMER = "customer-ended-call"
CLOSED = "We are closed, please call tomorrow."
"""The owner's own words to a caller nobody takes."""
FORWARDED = "assistant-forwarded-call"
VOICEMAIL = "voicemail"
DISCONNECTED = "vonage-disconnected"
CANCELED = "manually-canceled"
ANSWER_PATH = "/vonage/answer"
FALLBACK_PATH = "/vonage/fallback"
EVENT_PATH = "/vonage/event"
COPIES = 3
OWNERS_WORDS = "You are back with us."
"""What the owner's own NCCO says once the assistant has left."""
NOWHERE = EventUrl(None)
"""Events of the owner's application, which keeps them."""


# ------------------------------------------------------------------ how a leg comes about


def _inbound(
    stage: VonageStage,
    *acts: Act,
    method: str = "GET",
    assistant: Mapping[str, Any] = ECHO,
) -> None:
    """The application's answer and event URLs are the bridge's."""
    call = _caller(stage, acts, EventUrl(f"{stage.config.bridge_url}{EVENT_PATH}"))
    arrive(call, partial(call.fetch, _visit_url(stage, ANSWER_PATH, assistant), method))


def _fallback(stage: VonageStage) -> None:
    """The application's answer URL is the owner's, and down; the fallback URL is the bridge's."""
    call = _caller(stage, (Act.PRESS,), EventUrl(f"{stage.config.bridge_url}{EVENT_PATH}"))
    failed = {"url": f"{stage.config.return_url}/answer", "type": "answer"}
    extra = {"reason": "Connection closed.", "original_request": failed}
    arrive(call, partial(call.fetch, _visit_url(stage, FALLBACK_PATH), "GET", extra))


def _api_bypass(stage: VonageStage, *acts: Act, **fields: Any) -> None:
    """The owner's answer URL gives the NCCO of POST /call; phone events go where the details say."""
    details = _details(stage, **fields)
    call = _caller(
        stage, acts, EventUrl(details["eventUrl"][0], details.get("eventMethod", "POST"))
    )
    arrive(call, partial(given, stage, details["ncco"]))


def _own_application(stage: VonageStage, act: Act = Act.PRESS) -> None:
    """The same, and the owner keeps the phone leg's events: only the socket and its leg tell."""
    details = _details(stage)
    call = _caller(stage, (act,), NOWHERE)
    arrive(call, partial(given, stage, details["ncco"]))


def _outbound(stage: VonageStage, outcome: str, *acts: Act) -> Leg:
    """The owner dials through the Voice API with the details of POST /call."""
    stage.callee = Callee(outcome, acts or (Act.PRESS,))
    leg = _place(stage, _details(stage))
    stage.join()
    return leg


def _listened(stage: VonageStage, act: Act, *, machine: bool) -> None:
    """The same; the assistant's policy has Vonage listen for a machine beside the call."""
    stage.callee = Callee(acts=(act,), machine=machine)
    _place(stage, _details(stage, assistantOverrides=LISTENING))
    stage.join()


def _dial(stage: VonageStage, callee: Callee, **fields: Any) -> None:
    """The bridge dials by itself."""
    have_dialled(stage, callee, **fields)
    stage.join()


def _refused_destination(stage: VonageStage, outcome: str) -> None:
    """The destination is not reached; the caller is back with the assistant, and presses #."""
    stage.destination_outcome = outcome
    _inbound(stage, Act.TRANSFER, Act.PRESS)


def _abandoned(stage: VonageStage) -> None:
    stage.destination_outcome = "cancelled"
    _own_application(stage, Act.TRANSFER)


def _asked(stage: VonageStage, reply: Mapping[str, Any] | None, *acts: Act) -> None:
    """The number has no assistant: the owner's server is asked for one."""
    with owner(stage, reply):
        call = _caller(stage, acts, EventUrl(f"{stage.config.bridge_url}{EVENT_PATH}"))
        arrive(call, partial(call.fetch, f"{stage.config.bridge_url}{ANSWER_PATH}", "GET"))


def _asked_in_vain(stage: VonageStage) -> None:
    _asked(stage, {"error": CLOSED})
    hears(stage, CLOSED)


def _recorded(stage: VonageStage) -> None:
    """The owner's answer URL gives our NCCO, whose first action has Vonage record the leg."""
    details = _details(stage, assistantOverrides=RECORDED)
    call = _caller(stage, (Act.STAY,), NOWHERE)
    stage.spawn(partial(arrive, call, partial(given, stage, details["ncco"])))
    end_when_recorded(stage)
    check(stage)


def _dial_recorded(stage: VonageStage) -> None:
    have_dialled(stage, Callee(acts=(Act.STAY,)), assistantOverrides=RECORDED)
    end_when_recorded(stage)
    check(stage)


# ------------------------------------------------------------------ what is odd about it


def _canceled(stage: VonageStage) -> None:
    """The owner gives up while the phone rings."""
    stage.callee = Callee("rings")
    leg = _place(stage, _details(stage))
    if leg.call is None or not leg.call.rings.wait(stage.config.timeout):
        raise SimulatorError("the phone never rang")
    _rest(stage, "PUT", f"/{leg.uuid}", {"action": "hangup"})
    stage.join()


def _end_call(stage: VonageStage) -> None:
    """The owner's NCCO has an action of its own after the bridge's: the way back without a URL."""
    details = _details(stage)
    call = _caller(stage, (Act.END_CALL,), NOWHERE)
    ncco = [*details["ncco"], {"action": "talk", "text": OWNERS_WORDS}]
    arrive(call, partial(given, stage, ncco))
    if OWNERS_WORDS not in call.spoken:
        stage.problem("the owner's NCCO did not go on after the assistant")


def _shuffled(stage: VonageStage) -> None:
    stage.courier.hold()
    _outbound(stage, "answered", Act.HANG_UP)
    stage.courier.release(Random(stage.config.seed))


def _duplicated(stage: VonageStage) -> None:
    stage.courier.copies = COPIES
    _outbound(stage, "answered", Act.PRESS)


def _late_no_answer(stage: VonageStage) -> None:
    leg = _outbound(stage, "answered", Act.HANG_UP)
    unchanged(stage, ("ended", ENDED_BY_CUSTOMER), partial(leg.happen, "unanswered"))


def _priced(stage: VonageStage) -> None:
    """The last event of every leg tells its price."""
    leg = _outbound(stage, "answered", Act.HANG_UP)
    told = stage.bridge.await_price(stage.known_call(), leg.uuid)
    if told != {"amount": leg.price, "currency": "EUR", "leg": leg.uuid}:
        stage.problem(f"the bridge was told {told}")


def _dial_extension(stage: VonageStage) -> None:
    customer = {"number": stage.config.customer, "extension": EXTENSION}
    _dial(stage, Callee(), customer=customer)
    if stage.keys != EXTENSION:
        stage.problem(f"Vonage was told to press {stage.keys!r}")


def _dial_refused(stage: VonageStage) -> None:
    _dial(stage, Callee(refused=True))
    call = stage.bridge.await_outcome(stage.known_call(), ("ended", NOT_CONNECTED))
    if "403: Forbidden" not in call.get("endedMessage", ""):
        stage.problem(f"endedMessage is {call.get('endedMessage')!r}")


def _dial_canceled(stage: VonageStage) -> None:
    """The call is ended through the bridge's API while the phone rings: the bridge hangs up."""
    have_dialled(stage, Callee("rings"))
    (leg,) = stage.legs.values()
    if leg.call is None or not leg.call.rings.wait(stage.config.timeout):
        raise SimulatorError("the phone never rang")
    stage.bridge.end_call(stage.known_call())
    if not leg.over.wait(stage.config.timeout):
        raise SimulatorError("the phone still rings")
    stage.join()


def _dial_without_callbacks(stage: VonageStage) -> None:
    stage.courier.hold()
    _dial(stage, Callee("unanswered"))


# ------------------------------------------------------------------ steps


def _caller(stage: VonageStage, acts: Sequence[Act], events: EventUrl) -> Call:
    """An inbound leg; Vonage writes the uuids of these without dashes."""
    from_, to = digits(stage.config.customer), digits(stage.config.number)
    leg = Leg(stage, conversation(), from_, to, INBOUND, events, uuid=uuid4().hex)
    return Call(leg, acts)


def _visit_url(stage: VonageStage, path: str, assistant: Mapping[str, Any] = ECHO) -> str:
    asked = urlencode({"assistantId": stage.bridge.assistant_id(assistant)})
    return f"{stage.config.bridge_url}{path}?{asked}"


def _details(stage: VonageStage, **fields: Any) -> Mapping[str, Any]:
    """``phoneCallProviderDetails`` of a new call. Raises ``SimulatorError`` when they hold no NCCO."""
    created = stage.bridge.create_call(stage.carrier, **fields)
    stage.call_id = created["id"]
    details: Mapping[str, Any] = created.get("phoneCallProviderDetails") or {}
    if "ncco" not in details or "eventUrl" not in details:
        raise SimulatorError("POST /call answered without phoneCallProviderDetails.ncco")
    return details


def _place(stage: VonageStage, details: Mapping[str, Any]) -> Leg:
    """What an owner makes of the details: the API's own names, the numbers as endpoints."""
    body = {
        "to": [{"type": "phone", "number": details["to"]}],
        "from": {"type": "phone", "number": details["from"]},
        "ncco": details["ncco"],
        "event_url": details["eventUrl"],
        "event_method": details.get("eventMethod", "POST"),
    }
    if "advancedMachineDetection" in details:
        body["advanced_machine_detection"] = details["advancedMachineDetection"]
    return stage.legs[_rest(stage, "POST", "", body)["uuid"]]


def _rest(stage: VonageStage, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The owner's request to the simulated API. Raises ``SimulatorError`` when it is refused."""
    headers = {
        "Authorization": f"Bearer {application_token(stage.config)}",
        "Content-Type": "application/json",
    }
    url = f"{stage.api_url}/v1/calls{path}"
    data = json.dumps(body).encode()
    response = stage.wire.send("owner -> vonage", method, url, headers, data, quiet=True)
    if response.status >= 400:
        raise SimulatorError(f"the Voice API refused the bridge's details: {response.text}")
    answer: dict[str, Any] = response.json() if response.body else {}
    return answer


def application_token(config: VonageConfig) -> str:
    """The token an application of the owner's sends to the Voice API."""
    now = int(time.time())
    claims = {"application_id": config.application_id, "iat": now, "jti": str(uuid4())}
    key = config.private_key or _any_key()
    return jwt.encode({**claims, "exp": now + 900}, key, algorithm="RS256")


@cache
def _any_key() -> str:
    """A key nobody checks: the API knows none either."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


SCENARIOS = table(
    Scenario(
        "inbound",
        "A call to the application whose answer URL is the bridge's; the caller presses # and the assistant ends.",
        lambda stage: _inbound(stage, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "conversation",
        "A call to the bridge's keypad menu; the caller listens, presses keys and ends with #.",
        lambda stage: _inbound(stage, Act.CONVERSE, assistant=SPEAKING),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "inbound-post",
        "The same, with the answer URL called by POST.",
        lambda stage: _inbound(stage, Act.PRESS, method="POST"),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "inbound-hangup",
        "The same; the caller hangs up.",
        lambda stage: _inbound(stage, Act.HANG_UP),
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "fallback",
        "The owner's answer URL is down, and the bridge's fallback URL takes the call.",
        _fallback,
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "own-application",
        "The owner's answer URL gives the NCCO of POST /call, and its event URL keeps the phone leg's events.",
        _own_application,
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "api-bypass",
        "The owner's answer URL gives the NCCO of POST /call; the assistant ends.",
        lambda stage: _api_bypass(stage, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "api-bypass-hangup",
        "The same; the caller hangs up.",
        lambda stage: _api_bypass(stage, Act.HANG_UP),
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "api-bypass-return",
        "The same with phoneCallProviderReturnUrl (its host in ALLOWED_RETURN_HOSTS): the owner is notified of the outcome.",
        lambda stage: _api_bypass(
            stage, Act.PRESS, phoneCallProviderReturnUrl=stage.config.return_url
        ),
        ENDED_BY_ASSISTANT,
        returned={"vapiEndedReason": ENDED_BY_ASSISTANT},
    ),
    Scenario(
        "answered",
        "The owner dials with the details of POST /call; the callee presses # and the assistant ends.",
        lambda stage: _outbound(stage, "answered", Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "answered-hangup",
        "The same; the callee hangs up.",
        lambda stage: _outbound(stage, "answered", Act.HANG_UP),
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "busy",
        "The same; the callee is busy.",
        lambda stage: _outbound(stage, "busy"),
        "customer-busy",
    ),
    Scenario(
        "no-answer",
        "The same; the phone rings out.",
        lambda stage: _outbound(stage, "unanswered"),
        "customer-did-not-answer",
    ),
    Scenario(
        "failed",
        "The same; Vonage cannot route the call.",
        lambda stage: _outbound(stage, "failed"),
        "vonage-failed-to-connect-call",
    ),
    Scenario(
        "rejected",
        "The same; the call is rejected, and no completed follows.",
        lambda stage: _outbound(stage, "rejected"),
        "vonage-rejected",
    ),
    Scenario(
        "recording",
        "The leg is recorded, and the call has links to both recordings.",
        _recorded,
        CANCELED,
    ),
    Scenario(
        "dial-recording",
        "The same of a leg the bridge has dialled.",
        _dial_recorded,
        CANCELED,
    ),
    Scenario(
        "human",
        "The same, listened to for a machine: a person answers, and the assistant ends.",
        lambda stage: _listened(stage, Act.PRESS, machine=False),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "voicemail",
        "The same; a machine answers, and the assistant's policy is to stop.",
        lambda stage: _listened(stage, Act.STAY, machine=True),
        VOICEMAIL,
    ),
    Scenario(
        "canceled",
        "The same; the owner gives up while the phone rings.",
        _canceled,
        CANCELED,
    ),
    Scenario(
        "websocket-dropped",
        "The media socket dies once; the bridge takes the leg back in, and the assistant ends.",
        lambda stage: _inbound(stage, Act.DROP, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "websocket-dropped-for-good",
        "The media socket dies every time.",
        lambda stage: _inbound(stage, Act.DROP),
        DISCONNECTED,
    ),
    Scenario(
        "shuffled",
        "Every event of an answered call comes after it, in another order.",
        _shuffled,
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "duplicated",
        "Everything Vonage sends comes three times at once.",
        _duplicated,
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "late-no-answer",
        "An unanswered event comes after the end of an answered call, and changes nothing.",
        _late_no_answer,
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "never-arrives",
        "A call is created, and no leg comes.",
        lambda stage: _details(stage),
        None,
        status="queued",
    ),
    Scenario(
        "end-call",
        "The call is ended through the bridge's API; the owner's NCCO goes on with the leg.",
        _end_call,
        CANCELED,
    ),
    Scenario(
        "price",
        "The callee hangs up; the last events of phone and media socket tell their prices.",
        _priced,
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "dial",
        "The bridge dials with an extension; the callee presses # and the assistant ends.",
        _dial_extension,
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "dial-hangup",
        "The bridge dials; the callee hangs up.",
        lambda stage: _dial(stage, Callee(acts=(Act.HANG_UP,))),
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "dial-voicemail",
        "The same; a machine answers, and the assistant's policy is to stop.",
        lambda stage: _dial(
            stage, Callee(acts=(Act.STAY,), machine=True), assistantOverrides=LISTENING
        ),
        VOICEMAIL,
    ),
    Scenario(
        "dial-busy",
        "The same; the callee is busy.",
        lambda stage: _dial(stage, Callee("busy")),
        "customer-busy",
    ),
    Scenario(
        "dial-no-answer",
        "The same; the phone rings out.",
        lambda stage: _dial(stage, Callee("unanswered")),
        "customer-did-not-answer",
    ),
    Scenario(
        "dial-failed",
        "The same; Vonage cannot reach the number.",
        lambda stage: _dial(stage, Callee("failed")),
        NOT_CONNECTED,
    ),
    Scenario(
        "dial-refused",
        "The same; Vonage's API refuses the call.",
        _dial_refused,
        NOT_CONNECTED,
    ),
    Scenario(
        "dial-unconfirmed",
        "The same; Vonage's API places the call and answers with an error: its first callback is believed.",
        lambda stage: _dial(stage, Callee(unconfirmed=True)),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "dial-end-before-answer",
        "The same; the call is ended through the bridge's API while the phone rings.",
        _dial_canceled,
        CANCELED,
    ),
    Scenario(
        "dial-end-after-answer",
        "The same; the call is ended through the bridge's API while it is going on.",
        lambda stage: _dial(stage, Callee(acts=(Act.END_CALL,))),
        CANCELED,
    ),
    Scenario(
        "dial-lost-callbacks",
        "The same; the phone rings out and no callback comes: the bridge asks the API.",
        _dial_without_callbacks,
        "customer-did-not-answer",
    ),
    Scenario(
        "transfer",
        "The assistant transfers the call; destination and caller talk, and the destination hangs up.",
        lambda stage: _inbound(stage, Act.TRANSFER),
        FORWARDED,
    ),
    Scenario(
        "transfer-own-application",
        "The same, where the owner keeps the phone leg's events.",
        lambda stage: _own_application(stage, Act.TRANSFER),
        FORWARDED,
    ),
    Scenario(
        "transfer-busy",
        "The destination is busy; the caller is back with the assistant, and presses #.",
        lambda stage: _refused_destination(stage, "busy"),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "transfer-rejected",
        "The destination rejects the call, and no completed follows; the caller presses #.",
        lambda stage: _refused_destination(stage, "rejected"),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "transfer-abandoned",
        "The caller hangs up while the destination rings; the owner keeps the phone leg's events.",
        _abandoned,
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "assistant-request",
        "The number has no assistant; the owner's server names one, and the caller presses #.",
        lambda stage: _asked(stage, {"assistant": ECHO}, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "assistant-request-error",
        "The same; the server answers with an error, which the caller hears.",
        _asked_in_vain,
        "assistant-request-returned-error",
    ),
    Scenario(
        "assistant-request-destination",
        "The same; the server answers with a destination, which takes the call.",
        lambda stage: _asked(stage, {"destination": stage.bridge.destination()}),
        "assistant-request-returned-forwarding-phone-number",
    ),
    Scenario(
        "assistant-request-times-out",
        "The same; the server does not answer.",
        lambda stage: _asked(stage, None),
        "assistant-request-returned-error",
    ),
)
"""By name; ``run`` plays one."""


def run(name: str, config: VonageConfig, out: Callable[[str], object] = print) -> Result:
    """Play one scenario against the bridge. Raises ``SimulatorError`` for a name nobody knows."""
    scenario = expecting(named(SCENARIOS, name), config)
    with serve_api(config, config.api_port, out=out) as stage:
        return play(scenario, stage)
