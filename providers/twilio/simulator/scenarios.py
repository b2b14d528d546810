"""Twilio, played against a running bridge: its webhooks, media streams, REST API, and Studio.

``run`` plays one of ``SCENARIOS``; ``serve_api`` is the REST API alone. Nothing here talks to
Twilio, and what a document sends to Studio is taken by the Studio that is played here.
https://www.twilio.com/docs/voice
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlencode

from providers.simulation.client_server import hears, owner
from providers.simulation.recording import RECORDED, check, end_when_recorded
from providers.simulation.script import Turn
from providers.simulation.stage import (
    ECHO,
    LISTENING,
    SPEAKING,
    Act,
    Callee,
    Result,
    Scenario,
    expecting,
    have_dialled,
    named,
    need_api,
    play,
    table,
    unchanged,
)
from providers.simulation.timeline import SimulatorError
from providers.twilio.signature import FORM
from providers.twilio.simulator.call import Document, StatusCallback, TwilioCall
from providers.twilio.simulator.config import (
    FLOW_SID,
    TwilioConfig,
    TwilioStage,
    config_from_environment,
)
from providers.twilio.simulator.rest_api import serve_api
from providers.twilio.simulator.twiml_player import arrive

__all__ = [
    "DEMO",
    "DEMO_ENVIRONMENT",
    "DEMO_TURNS",
    "SCENARIOS",
    "TwilioConfig",
    "config_from_environment",
    "run",
    "serve_api",
]

DEMO = "conversation"
"""The scenario `make demo` plays."""
DEMO_TURNS = (Turn(keys="2"), Turn(keys="#"))
"""Its caller hears everything to the end."""
DEMO_ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": "the demo's auth token",
    "TWILIO_PHONE_NUMBER": "+15550100001",
}
"""The bridge's settings for an account that exists only here."""

NOT_CONNECTED = "twilio-failed-to-connect-call"
EXTENSION = "12#"
ENDED_BY_ASSISTANT = "assistant-ended-call"
ENDED_BY_CUSTOMER = "customer-ended-call"
CLOSED = "We are closed, please call tomorrow."
"""The owner's own words to a caller nobody takes."""
CANCELED = "manually-canceled"
FORWARDED = "assistant-forwarded-call"
VOICEMAIL = "voicemail"
CLOSED_WEBSOCKET = "phone-call-provider-closed-websocket"
COPIES = 3
PRICE = "-0.01400"
"""Of a call, as the Call resource has it: what is charged is negative."""
FETCH_PATH = "/twilio/calls/{call_id}/twiml"
INBOUND_PATH = "/twilio/inbound_call"
STATUS_PATH = "/twilio/status"
REST_NAMES = {
    "to": "To",
    "from": "From",
    "twiml": "Twiml",
    "url": "Url",
    "statusCallback": "StatusCallback",
    "statusCallbackEvent": "StatusCallbackEvent",
    "statusCallbackMethod": "StatusCallbackMethod",
    "machineDetection": "MachineDetection",
    "asyncAmd": "AsyncAmd",
    "asyncAmdStatusCallback": "AsyncAmdStatusCallback",
    "asyncAmdStatusCallbackMethod": "AsyncAmdStatusCallbackMethod",
}
"""phoneCallProviderDetails -> fields of Twilio's create-call request."""


# ------------------------------------------------------------------ how a leg comes about


def _inbound(stage: TwilioStage, *acts: Act) -> None:
    """The number's voice webhook and its call status URL are the bridge's."""
    call = _caller(stage, acts)
    call.callback = StatusCallback(f"{stage.config.bridge_url}{STATUS_PATH}")
    arrive(call, partial(call.fetch, _arrive_url(stage)))


def _studio_redirect(stage: TwilioStage, *acts: Act, assistant: Mapping[str, Any] = ECHO) -> None:
    """A TwiML Redirect widget; the call status URL stays Studio's, so nothing tells of the end."""
    call = _caller(stage, acts)
    arrive(call, partial(call.fetch, _arrive_url(stage, assistant, flow=FLOW_SID)))


def _studio_http(stage: TwilioStage) -> None:
    """An HTTP Request widget, which knows basic authentication only, and then a TwiML Redirect."""
    created = stage.bridge.create_call(stage.carrier, basic=True)
    path = FETCH_PATH.format(call_id=created["id"])
    call = _caller(stage, (Act.PRESS,))
    url = f"{stage.config.bridge_url}{path}?{urlencode({'flow': FLOW_SID})}"
    arrive(call, partial(call.fetch, url))


def _api_bypass(stage: TwilioStage, *acts: Act, **fields: Any) -> None:
    """The owner's own webhook answers with the TwiML of POST /call; all callbacks are the owner's."""
    details = _details(stage, **fields)
    call = _caller(stage, acts)
    arrive(call, partial(_given, stage, details["twiml"]))


def _outbound(stage: TwilioStage, outcome: str, *acts: Act) -> TwilioCall:
    """The owner dials through the REST API, with the details of POST /call as they are."""
    stage.callee = Callee(outcome, acts or (Act.PRESS,))
    call = _place(stage, _details(stage))
    stage.join()
    return call


def _listened(stage: TwilioStage, act: Act, *, machine: bool) -> None:
    """The same; the assistant's policy has Twilio listen for a machine beside the call."""
    stage.callee = Callee(acts=(act,), machine=machine)
    _place(stage, _details(stage, assistantOverrides=LISTENING))
    stage.join()


def _waited(stage: TwilioStage) -> None:
    """The owner has Twilio wait for the verdict, which comes with the request for our document."""
    stage.callee = Callee(machine=True)
    details = dict(_details(stage, assistantOverrides=LISTENING))
    for name in ("twiml", "asyncAmd", "asyncAmdStatusCallback", "asyncAmdStatusCallbackMethod"):
        details.pop(name, None)
    path = FETCH_PATH.format(call_id=stage.known_call())
    _place(stage, {**details, "url": f"{stage.config.bridge_url}{path}"})
    stage.join()


def _dial(stage: TwilioStage, callee: Callee, **fields: Any) -> None:
    """The bridge dials by itself."""
    have_dialled(stage, callee, **fields)
    stage.join()


def _refused_destination(stage: TwilioStage, outcome: str) -> None:
    """The destination is not reached; a caller who is back with the assistant presses #."""
    stage.destination_outcome = outcome
    _inbound(stage, Act.TRANSFER, Act.PRESS)


def _asked(stage: TwilioStage, reply: Mapping[str, Any] | None, *acts: Act) -> None:
    """The number has no assistant: the owner's server is asked for one."""
    with owner(stage, reply):
        call = _caller(stage, acts)
        arrive(call, partial(call.fetch, f"{stage.config.bridge_url}{INBOUND_PATH}"))


def _asked_in_vain(stage: TwilioStage) -> None:
    _asked(stage, {"error": CLOSED})
    hears(stage, CLOSED)


def _recorded(stage: TwilioStage) -> None:
    """The owner's webhook answers with our TwiML; the bridge has Twilio record the leg."""
    details = _details(stage, assistantOverrides=RECORDED)
    call = _caller(stage, (Act.STAY,))
    stage.spawn(partial(arrive, call, partial(_given, stage, details["twiml"])))
    end_when_recorded(stage)
    check(stage)


def _dial_recorded(stage: TwilioStage) -> None:
    have_dialled(stage, Callee(acts=(Act.STAY,)), assistantOverrides=RECORDED)
    end_when_recorded(stage)
    check(stage)


# ------------------------------------------------------------------ what is odd about it


def _canceled(stage: TwilioStage) -> None:
    """The owner gives up while the phone rings."""
    stage.callee = Callee("rings")
    call = _place(stage, _details(stage))
    if not call.rings.wait(stage.config.timeout):
        raise SimulatorError("the phone never rang")
    _rest(stage, f"/{call.sid}", {"Status": "canceled"})
    stage.join()


def _shuffled(stage: TwilioStage) -> None:
    stage.courier.hold()
    _outbound(stage, "answered", Act.HANG_UP)
    stage.courier.release(Random(stage.config.seed))


def _duplicated(stage: TwilioStage) -> None:
    stage.courier.copies = COPIES
    _outbound(stage, "answered", Act.PRESS)


def _late_no_answer(stage: TwilioStage) -> None:
    call = _outbound(stage, "answered", Act.HANG_UP)
    unchanged(stage, ("ended", ENDED_BY_CUSTOMER), partial(call.report, "no-answer"))


def _never_arrives(stage: TwilioStage) -> None:
    _details(stage)


def _dial_extension(stage: TwilioStage) -> None:
    customer = {"number": stage.config.customer, "extension": EXTENSION}
    _dial(stage, Callee(), customer=customer)
    if stage.keys != EXTENSION:
        stage.problem(f"Twilio was told to press {stage.keys!r}")


def _dial_refused(stage: TwilioStage) -> None:
    _dial(stage, Callee(refused=True))
    call = stage.bridge.await_outcome(stage.known_call(), ("ended", NOT_CONNECTED))
    if "21215" not in call.get("endedMessage", ""):
        stage.problem(f"endedMessage is {call.get('endedMessage')!r}")


def _dial_canceled(stage: TwilioStage) -> None:
    """The call is ended through the bridge's API while the phone rings: the bridge hangs up."""
    have_dialled(stage, Callee("rings"))
    (call,) = stage.calls.values()
    call.rings.wait(stage.config.timeout)
    stage.bridge.end_call(stage.known_call())
    if not call.over.wait(stage.config.timeout):
        raise SimulatorError("the phone still rings")
    stage.join()


def _dial_without_callbacks(stage: TwilioStage) -> None:
    stage.courier.hold()
    _dial(stage, Callee("no-answer"))


def _priced(stage: TwilioStage) -> None:
    """Twilio fixes the price after the end: the REST API shows none at the bridge's first look."""
    need_api(stage)
    stage.price, stage.unpriced_looks = PRICE, 1
    call = _outbound(stage, "answered", Act.HANG_UP)
    told = stage.bridge.await_price(stage.known_call(), call.sid)
    if told != {"amount": PRICE.lstrip("-"), "currency": "USD", "leg": call.sid}:
        stage.problem(f"the bridge was told {told}")


# ------------------------------------------------------------------ steps


def _caller(stage: TwilioStage, acts: Sequence[Act]) -> TwilioCall:
    return TwilioCall(stage, stage.config.customer, stage.config.number, acts=acts)


def _arrive_url(stage: TwilioStage, assistant: Mapping[str, Any] = ECHO, **query: str) -> str:
    asked = urlencode({"assistantId": stage.bridge.assistant_id(assistant), **query})
    return f"{stage.config.bridge_url}{INBOUND_PATH}?{asked}"


def _details(stage: TwilioStage, **fields: Any) -> Mapping[str, Any]:
    """``phoneCallProviderDetails`` of a new call. Raises ``SimulatorError`` when they hold no TwiML."""
    created = stage.bridge.create_call(stage.carrier, **fields)
    stage.call_id = created["id"]
    details: Mapping[str, Any] = created.get("phoneCallProviderDetails") or {}
    if "twiml" not in details:
        raise SimulatorError("POST /call answered without phoneCallProviderDetails.twiml")
    return details


def _given(stage: TwilioStage, twiml: str) -> Document:
    stage.received(twiml)
    return Document(twiml)


def _place(stage: TwilioStage, details: Mapping[str, Any]) -> TwilioCall:
    fields = {REST_NAMES[name]: value for name, value in details.items() if name in REST_NAMES}
    created = _rest(stage, "", fields)
    return stage.calls[created["sid"]]


def _rest(stage: TwilioStage, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The owner's request to the simulated REST API. Raises ``SimulatorError`` when it is refused."""
    config = stage.config
    key = base64.b64encode(f"{config.account_sid}:{config.auth_token}".encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Content-Type": FORM}
    url = f"{stage.api_url}/2010-04-01/Accounts/{config.account_sid}/Calls{path}.json"
    body = urlencode(fields, doseq=True).encode()
    response = stage.wire.send("owner -> twilio", "POST", url, headers, body, quiet=True)
    if response.status >= 400:
        raise SimulatorError(f"the REST API refused the bridge's details: {response.text}")
    answer: dict[str, Any] = response.json()
    return answer


def _returns(reason: str) -> dict[str, str]:
    return {"FlowEvent": "return", "vapiEndedReason": reason}


SCENARIOS = table(
    Scenario(
        "inbound",
        "A call to the number whose webhook is the bridge's; the caller presses # and the assistant ends.",
        lambda stage: _inbound(stage, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "inbound-hangup",
        "The same call; the caller hangs up.",
        lambda stage: _inbound(stage, Act.HANG_UP),
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "studio-redirect",
        "Studio's TwiML Redirect widget lends its leg and gets it back with the outcome.",
        lambda stage: _studio_redirect(stage, Act.PRESS),
        ENDED_BY_ASSISTANT,
        returned=_returns(ENDED_BY_ASSISTANT),
    ),
    Scenario(
        "conversation",
        "Studio lends its leg to the bridge's keypad menu; the caller listens, presses keys and ends with #.",
        lambda stage: _studio_redirect(stage, Act.CONVERSE, assistant=SPEAKING),
        ENDED_BY_ASSISTANT,
        returned={"FlowEvent": "return"},
    ),
    Scenario(
        "studio-http",
        "Studio's HTTP Request widget creates the call, its TwiML Redirect widget lends the leg.",
        _studio_http,
        ENDED_BY_ASSISTANT,
        returned=_returns(ENDED_BY_ASSISTANT),
    ),
    Scenario(
        "api-bypass",
        "The owner's webhook answers with the TwiML of POST /call; the assistant ends.",
        lambda stage: _api_bypass(stage, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "api-bypass-hangup",
        "The same; the caller hangs up, of which only the media stream tells.",
        lambda stage: _api_bypass(stage, Act.HANG_UP),
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "api-bypass-return",
        "The same with phoneCallProviderReturnUrl: the leg goes back to the owner's flow.",
        lambda stage: _api_bypass(
            stage, Act.PRESS, phoneCallProviderReturnUrl=stage.config.return_url
        ),
        ENDED_BY_ASSISTANT,
        returned=_returns(ENDED_BY_ASSISTANT),
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
        lambda stage: _outbound(stage, "no-answer"),
        "customer-did-not-answer",
    ),
    Scenario(
        "failed",
        "The same; Twilio cannot reach the number.",
        lambda stage: _outbound(stage, "failed"),
        "twilio-failed-to-connect-call",
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
        "voicemail-waited",
        "The same; the owner has Twilio wait for the verdict before it asks for the TwiML.",
        _waited,
        VOICEMAIL,
    ),
    Scenario(
        "canceled",
        "The same; the owner gives up while the phone rings.",
        _canceled,
        "manually-canceled",
    ),
    Scenario(
        "websocket-dropped",
        "The media socket dies once; the bridge takes the leg back in, and the assistant ends.",
        lambda stage: _inbound(stage, Act.DROP, Act.PRESS),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "websocket-dropped-for-good",
        "The media socket dies every time; Studio gets its leg back.",
        lambda stage: _studio_redirect(stage, Act.DROP),
        CLOSED_WEBSOCKET,
        returned=_returns(CLOSED_WEBSOCKET),
    ),
    Scenario(
        "shuffled",
        "Every callback of an answered call comes after it, in another order.",
        _shuffled,
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "duplicated",
        "Everything Twilio sends comes three times at once.",
        _duplicated,
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "late-no-answer",
        "A no-answer comes after the end of an answered call, and changes nothing.",
        _late_no_answer,
        ENDED_BY_CUSTOMER,
    ),
    Scenario(
        "never-arrives",
        "A call is created, and no leg comes.",
        _never_arrives,
        None,
        status="queued",
    ),
    Scenario(
        "end-call",
        "The call is ended through the bridge's API; Studio gets its leg back.",
        lambda stage: _studio_redirect(stage, Act.END_CALL),
        "manually-canceled",
        returned=_returns("manually-canceled"),
    ),
    Scenario(
        "price",
        "The callee hangs up; Twilio's API tells the price when the bridge asks for the second time.",
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
        lambda stage: _dial(stage, Callee("no-answer")),
        "customer-did-not-answer",
    ),
    Scenario(
        "dial-failed",
        "The same; Twilio cannot reach the number.",
        lambda stage: _dial(stage, Callee("failed")),
        NOT_CONNECTED,
    ),
    Scenario(
        "dial-refused",
        "The same; Twilio's API refuses the call.",
        _dial_refused,
        NOT_CONNECTED,
    ),
    Scenario(
        "dial-unconfirmed",
        "The same; Twilio's API places the call and answers with an error: its first callback is believed.",
        lambda stage: _dial(stage, Callee(unconfirmed=True)),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "dial-end-before-answer",
        "The same; the call is ended through the bridge's API while the phone rings.",
        _dial_canceled,
        "manually-canceled",
    ),
    Scenario(
        "dial-end-after-answer",
        "The same; the call is ended through the bridge's API while it is going on.",
        lambda stage: _dial(stage, Callee(acts=(Act.END_CALL,))),
        "manually-canceled",
    ),
    Scenario(
        "dial-lost-callbacks",
        "The same; the phone rings out and no callback comes: the bridge asks the API.",
        _dial_without_callbacks,
        "customer-did-not-answer",
    ),
    Scenario(
        "transfer",
        "The assistant transfers the call; destination and caller talk, and Studio gets its leg back.",
        lambda stage: _studio_redirect(stage, Act.TRANSFER),
        FORWARDED,
        returned=_returns(FORWARDED),
    ),
    Scenario(
        "transfer-busy",
        "The destination is busy; the caller is back with the assistant, and presses #.",
        lambda stage: _refused_destination(stage, "busy"),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "transfer-no-answer",
        "The destination does not answer; the caller is back with the assistant, and presses #.",
        lambda stage: _refused_destination(stage, "no-answer"),
        ENDED_BY_ASSISTANT,
    ),
    Scenario(
        "transfer-abandoned",
        "The caller hangs up while the destination rings.",
        lambda stage: _refused_destination(stage, "canceled"),
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


def run(name: str, config: TwilioConfig, out: Callable[[str], object] = print) -> Result:
    """Play one scenario against the bridge. Raises ``SimulatorError`` for a name nobody knows."""
    scenario = expecting(named(SCENARIOS, name), config)
    with serve_api(config, config.api_port, out=out) as stage:
        return play(scenario, stage)
