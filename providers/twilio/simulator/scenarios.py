"""The scenarios of the simulated Twilio: how its legs come about, and what only Twilio plays."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.assistants import ECHO, LISTENING, SPEAKING, by_carrier
from providers.simulation.config import SIP_CALLER
from providers.simulation.plays import (
    BRIEFING,
    ENDED_BY_ASSISTANT,
    ENDED_BY_CUSTOMER,
    TALKS,
    WARM,
    Plays,
)
from providers.simulation.scenario import Scenario
from providers.simulation.scenarios import CANCELED, FORWARDED, VOICEMAIL, scenarios
from providers.simulation.stage import Callee, CallerAction, need_api
from providers.simulation.timeline import SimulatorError
from providers.twilio.signature import FORM
from providers.twilio.simulator.call import Document, StatusCallback, TwilioCall
from providers.twilio.simulator.config import FLOW_SID, TwilioStage
from providers.twilio.simulator.twiml_player import arrive

# One run against a bridge.
Run = TwilioStage[TwilioCall]

CLOSED_WEBSOCKET = "phone-call-provider-closed-websocket"
# A call's price in the Call resource, where a charge is negative.
PRICE = "-0.01400"
FETCH_PATH = "/twilio/calls/{call_id}/twiml"
INBOUND_PATH = "/twilio/inbound_call"
STATUS_PATH = "/twilio/status"
# phoneCallProviderDetails -> fields of Twilio's create-call request.
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
# Twilio's words in the descriptions of shared scenarios.
WORDS = {
    "inbound": "A call to the number whose webhook is the bridge's; the caller presses # and the assistant ends.",
    "inbound-hangup": "The same call; the caller hangs up.",
    "api-bypass": "The owner's webhook answers with the TwiML of POST /call; the assistant ends.",
    "api-bypass-hangup": "The same; the caller hangs up, of which only the media stream tells.",
    "api-bypass-return": "The same with phoneCallProviderReturnUrl: the leg goes back to the owner's flow.",
    "failed": "The same; Twilio cannot reach the number.",
    "shuffled": "Every callback of an answered call comes after it, in another order.",
    "late-no-answer": "A no-answer comes after the end of an answered call, and changes nothing.",
    "price": "The callee hangs up; Twilio's API tells the price when the bridge asks for the second time.",
}


class TwilioPlays(Plays[Run, TwilioCall]):
    """Twilio's legs, Studio's among them."""

    title = "Twilio"
    no_answer = "no-answer"
    refusal = "21215"
    not_connected = "twilio-failed-to-connect-call"
    documents = ("twiml",)
    status_path = STATUS_PATH
    words = WORDS

    def inbound(self, stage: Run, *acts: CallerAction, assistant: JsonObject = ECHO) -> None:
        """Call in. The number's voice webhook and its call status URL are the bridge's."""
        call = _caller(stage, acts)
        call.callback = StatusCallback(f"{stage.config.bridge_url}{STATUS_PATH}")
        arrive(call, partial(call.fetch, _arrive_url(stage, assistant)))

    def unassigned(self, stage: Run, *acts: CallerAction) -> None:
        call = _caller(stage, acts)
        arrive(call, partial(call.fetch, f"{stage.config.bridge_url}{INBOUND_PATH}"))

    def caller_ref(self, stage: Run) -> str:
        return next(iter(stage.calls))

    def own_document(self, stage: Run, details: JsonObject, *acts: CallerAction) -> None:
        arrive(_caller(stage, acts), partial(_given, stage, details["twiml"]))

    def api_bypass(self, stage: Run, *acts: CallerAction, **fields: Any) -> None:
        """The owner's own webhook answers with the TwiML of POST /call."""
        self.own_document(stage, self.details(stage, **fields), *acts)

    def returned(self, reason: str) -> Mapping[str, str]:
        return {"FlowEvent": "return", "vapiEndedReason": reason}

    def priced(self, stage: Run) -> None:
        """Twilio sets the price after the end: the bridge's first look finds none."""
        need_api(stage)
        stage.price, stage.unpriced_looks = PRICE, 1
        call = self.outbound(stage, "answered", CallerAction.HANG_UP)
        self.check_price(stage, call.sid, PRICE.lstrip("-"), "USD")

    def place(self, stage: Run, details: JsonObject) -> TwilioCall:
        fields = {REST_NAMES[name]: value for name, value in details.items() if name in REST_NAMES}
        return stage.calls[_rest(stage, "", fields)["sid"]]

    def owners_url(self, stage: Run) -> JsonObject:
        return {"statusCallback": f"{stage.config.bridge_url}{STATUS_PATH}"}

    def dialled(self, stage: Run) -> TwilioCall:
        (call,) = stage.calls.values()
        return call

    def cancel(self, stage: Run, call: TwilioCall) -> None:
        _rest(stage, f"/{call.sid}", {"Status": "canceled"})

    def report(self, call: TwilioCall, status: str) -> None:
        call.report(status)

    # -- Twilio's own ways

    def studio_redirect(
        self, stage: Run, *acts: CallerAction, assistant: JsonObject = ECHO
    ) -> None:
        """A TwiML Redirect widget.

        The call status URL stays Studio's, so no callback reports the end.
        """
        call = _caller(stage, acts)
        arrive(call, partial(call.fetch, _arrive_url(stage, assistant, flow=FLOW_SID)))

    def studio_warm(self, stage: Run) -> None:
        need_api(stage)
        stage.bridge.plan = {"transferPlan": {"mode": WARM, "message": BRIEFING}}
        self.studio_redirect(stage, CallerAction.TRANSFER)
        stage.join()

    def studio_warm_busy(self, stage: Run) -> None:
        need_api(stage)
        stage.operator = Callee("busy")
        stage.bridge.plan = {"transferPlan": {"mode": WARM, "message": BRIEFING}}
        self.studio_redirect(stage, CallerAction.TRANSFER, CallerAction.PRESS)
        stage.join()

    def studio_warm_assisted(self, stage: Run) -> None:
        """A transfer assistant talks with the operator, who takes the call."""
        need_api(stage)
        stage.operator = Callee(acts=(CallerAction.ACCEPT,))
        stage.bridge.plan = {"transferPlan": TALKS}
        self.studio_redirect(stage, CallerAction.TRANSFER)
        stage.join()

    def studio_http(self, stage: Run) -> None:
        """An HTTP Request widget with basic authentication, and then a TwiML Redirect."""
        created = stage.bridge.create_call(stage.carrier, basic=True)
        path = FETCH_PATH.format(call_id=created["id"])
        call = _caller(stage, (CallerAction.PRESS,))
        url = f"{stage.config.bridge_url}{path}?{urlencode({'flow': FLOW_SID})}"
        arrive(call, partial(call.fetch, url))

    def waited(self, stage: Run) -> None:
        """Twilio waits for the verdict, which comes with the request for our document."""
        stage.callee = Callee(machine=True)
        details = dict(self.details(stage, assistantOverrides=LISTENING))
        for name in ("twiml", "asyncAmd", "asyncAmdStatusCallback", "asyncAmdStatusCallbackMethod"):
            details.pop(name, None)
        path = FETCH_PATH.format(call_id=stage.known_call())
        self.place(stage, {**details, "url": f"{stage.config.bridge_url}{path}"})
        stage.join()


PLAYS = TwilioPlays()
# How a test's call comes about, by the word of its file (docs/testing-assistants.md).
WAYS: Mapping[str, Callable[[Run, CallerAction], object]] = {
    "studio": PLAYS.studio_redirect,
    "number": PLAYS.inbound,
    "bypass": PLAYS.api_bypass,
    "dialled": PLAYS.dial_to,
}


# ------------------------------------------------------------------ steps


def _caller(stage: Run, acts: Sequence[CallerAction]) -> TwilioCall:
    customer = SIP_CALLER if stage.by_sip else stage.config.customer
    return TwilioCall(stage, customer, stage.config.number, acts=acts)


def _arrive_url(stage: Run, assistant: JsonObject, **query: str) -> str:
    asked = urlencode({"assistantId": stage.bridge.assistant_id(assistant), **query})
    return f"{stage.config.bridge_url}{INBOUND_PATH}?{asked}"


def _given(stage: Run, twiml: str) -> Document:
    stage.received(twiml)
    return Document(twiml)


def _rest(stage: Run, path: str, fields: JsonObject) -> JsonDict:
    """The owner's request to the simulated REST API.

    Raises ``SimulatorError`` when it is refused.
    """
    config = stage.config
    key = base64.b64encode(f"{config.account_sid}:{config.auth_token}".encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Content-Type": FORM}
    url = f"{stage.api_url}/2010-04-01/Accounts/{config.account_sid}/Calls{path}.json"
    body = urlencode(fields, doseq=True).encode()
    response = stage.wire.send(f"owner -> {stage.carrier}", "POST", url, headers, body, quiet=True)
    if response.status >= 400:
        raise SimulatorError(f"the REST API refused the bridge's details: {response.text}")
    answer: JsonDict = response.json()
    return answer


SCENARIOS = scenarios(
    PLAYS,
    own={
        "inbound-hangup": (
            Scenario(
                "studio-redirect",
                "Studio's TwiML Redirect widget lends its leg and gets it back with the outcome.",
                lambda stage: PLAYS.studio_redirect(stage, CallerAction.PRESS),
                ENDED_BY_ASSISTANT,
                returned=PLAYS.returned(ENDED_BY_ASSISTANT),
            ),
            Scenario(
                "conversation",
                "Studio lends its leg to the bridge's own menu; the caller listens, answers, and ends with #.",
                lambda stage: PLAYS.studio_redirect(
                    stage, CallerAction.CONVERSE, assistant=SPEAKING
                ),
                ENDED_BY_ASSISTANT,
                returned={"FlowEvent": "return"},
            ),
            Scenario(
                "conversation-relay",
                "The same by text (ConversationRelay): Twilio hears and speaks, and Studio gets its leg back.",
                lambda stage: PLAYS.studio_redirect(
                    stage, CallerAction.CONVERSE, assistant=by_carrier(stage.carrier)
                ),
                ENDED_BY_ASSISTANT,
                returned={"FlowEvent": "return"},
            ),
            Scenario(
                "conversation-relay-hangup",
                "The same; the caller hangs up.",
                lambda stage: PLAYS.studio_redirect(
                    stage, CallerAction.HANG_UP, assistant=by_carrier(stage.carrier)
                ),
                ENDED_BY_CUSTOMER,
            ),
            Scenario(
                "conversation-relay-dropped",
                "The same; its socket dies once, and the assistant goes on in a new session.",
                lambda stage: PLAYS.studio_redirect(
                    stage,
                    CallerAction.DROP,
                    CallerAction.PRESS,
                    assistant=by_carrier(stage.carrier),
                ),
                ENDED_BY_ASSISTANT,
                returned=PLAYS.returned(ENDED_BY_ASSISTANT),
            ),
            Scenario(
                "studio-http",
                "Studio's HTTP Request widget creates the call, its TwiML Redirect widget lends the leg.",
                PLAYS.studio_http,
                ENDED_BY_ASSISTANT,
                returned=PLAYS.returned(ENDED_BY_ASSISTANT),
            ),
        ),
        "voicemail": (
            Scenario(
                "voicemail-waited",
                "The same; the owner has Twilio wait for the verdict before it asks for the TwiML.",
                PLAYS.waited,
                VOICEMAIL,
            ),
        ),
        "websocket-dropped": (
            Scenario(
                "websocket-dropped-for-good",
                "The media socket dies every time; Studio gets its leg back.",
                lambda stage: PLAYS.studio_redirect(stage, CallerAction.DROP),
                CLOSED_WEBSOCKET,
                returned=PLAYS.returned(CLOSED_WEBSOCKET),
            ),
        ),
        "never-arrives": (
            Scenario(
                "end-call",
                "The call is ended through the bridge's API; Studio gets its leg back.",
                lambda stage: PLAYS.studio_redirect(stage, CallerAction.END_CALL),
                CANCELED,
                returned=PLAYS.returned(CANCELED),
            ),
        ),
        "dial-lost-callbacks": (
            Scenario(
                "transfer",
                "The assistant transfers the call; destination and caller talk, and Studio gets its leg back.",
                lambda stage: PLAYS.studio_redirect(stage, CallerAction.TRANSFER),
                FORWARDED,
                returned=PLAYS.returned(FORWARDED),
            ),
        ),
        "warm-transfer": (
            Scenario(
                "warm-transfer-studio",
                "The same, of a leg that Studio has lent: it gets the leg back with the outcome.",
                PLAYS.studio_warm,
                FORWARDED,
                returned=PLAYS.returned(FORWARDED),
            ),
            Scenario(
                "warm-transfer-studio-busy",
                "The operator is busy; the caller ends with #, and Studio gets its leg back.",
                PLAYS.studio_warm_busy,
                ENDED_BY_ASSISTANT,
                returned=PLAYS.returned(ENDED_BY_ASSISTANT),
            ),
        ),
        "warm-transfer-assistant": (
            Scenario(
                "warm-transfer-assistant-studio",
                "The same, of a leg that Studio has lent: it gets the leg back with the outcome.",
                PLAYS.studio_warm_assisted,
                FORWARDED,
                returned=PLAYS.returned(FORWARDED),
            ),
        ),
        "transfer-busy": (
            Scenario(
                "transfer-refer",
                "A caller who came by SIP is referred (sipVerb): the own device calls the destination.",
                lambda stage: PLAYS.by_sip_verb(stage, "refer"),
                FORWARDED,
            ),
            Scenario(
                "transfer-refer-busy",
                "The same; the destination is busy, the caller is back with the assistant, and presses #.",
                lambda stage: PLAYS.by_sip_verb(stage, "refer", "busy"),
                ENDED_BY_ASSISTANT,
            ),
            Scenario(
                "transfer-no-answer",
                "The destination does not answer; the caller is back with the assistant, and presses #.",
                lambda stage: PLAYS.refused_destination(stage, "no-answer"),
                ENDED_BY_ASSISTANT,
            ),
            Scenario(
                "transfer-abandoned",
                "The caller hangs up while the destination rings.",
                lambda stage: PLAYS.refused_destination(stage, "canceled"),
                ENDED_BY_CUSTOMER,
            ),
        ),
    },
)
