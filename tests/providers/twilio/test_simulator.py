"""The simulated Twilio: how it signs and re-sends, what it makes of TwiML, and its media streams."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from providers.base.webhook import HookKind
from providers.events import EventKind
from providers.simulation.scenario import Scenario, play
from providers.simulation.stage import Callee, CallerAction
from providers.simulation.timeline import Response, SimulatorError
from providers.twilio import TWILIO
from providers.twilio.simulator import SCENARIOS, TwilioConfig, config_from_environment, run
from providers.twilio.simulator.call import Document, StatusCallback, TwilioCall, unusable
from providers.twilio.simulator.config import (
    FLOW_SID,
    TwilioStage,
    failures,
    flow_url,
    overrides,
    signed_url,
)
from providers.twilio.simulator.media import MediaStream
from providers.twilio.simulator.twiml_player import arrive, dial
from tests.fakes.bridge import CALL_ID, Answer, Bridge, echo, standing_in

ACCOUNT_SID = "AC" + "1" * 32
TOKEN = "the auth token"
ACCOUNT = TWILIO.config.account(ACCOUNT_SID, {"authTokens": [TOKEN]})
PATIENCE = 30
FLOW = flow_url(ACCOUNT_SID).replace("&", "&amp;")


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        bridge.sockets = echo(TWILIO.serializer)
        yield bridge


@pytest.fixture
def stage(bridge: Bridge) -> Iterator[TwilioStage]:
    with TwilioStage(config(bridge), out=lambda line: None) as stage:
        yield stage


def config(bridge: Bridge, **changes: Any) -> TwilioConfig:
    values: dict[str, Any] = {
        "bridge_url": bridge.url,
        "api_key": "the-key",
        "number": "+14155550001",
        "return_url": flow_url(ACCOUNT_SID),
        "account_sid": ACCOUNT_SID,
        "auth_token": TOKEN,
        "speed": 0,
        "timeout": PATIENCE,
    }
    return TwilioConfig(**(values | changes))


def call_on(stage: TwilioStage, *acts: CallerAction, **fields: Any) -> TwilioCall:
    return TwilioCall(
        stage, "+14155550123", "+14155550001", acts=acts or (CallerAction.PRESS,), **fields
    )


def runs(call: TwilioCall, twiml: str) -> None:
    """An inbound leg runs one document, and every callback is answered."""
    arrive(call, lambda: Document(f"<Response>{twiml}</Response>", "http://owner.example/x"))
    call.stage.join()


def connect(bridge: Bridge) -> str:
    """What the bridge's own documents begin with."""
    return (
        f'<Connect><Stream url="{bridge.media_url}" name="s" statusCallback="{bridge.url}/stream">'
        f'<Parameter name="callId" value="{CALL_ID}"/></Stream></Connect>'
    )


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_request_is_signed_as_twilio_signs(
    stage: TwilioStage, bridge: Bridge, method: str
) -> None:
    params = call_on(stage).parameters() | {"Digits": "", "Text": "a+b & c=d é"}
    url = f"{bridge.url}/hook?assistantId=a%2Bb"
    assert stage.prepare(method, url, params, "ringing")().status == 204
    [request] = bridge.requests
    assert request.method == method
    TWILIO.signature.verify(request, ACCOUNT)
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    signature = request.header("x-twilio-signature")
    assert RequestValidator(TOKEN).validate(request.url, form, signature)


def test_get_carries_the_parameters_in_the_query(stage: TwilioStage, bridge: Bridge) -> None:
    stage.prepare("GET", f"{bridge.url}/hook?ours=1", {"From": "+1"}, "")()
    assert bridge.requests[0].query == "ours=1&From=%2B1"
    assert bridge.requests[0].body == b""


def test_fragment_is_neither_sent_nor_signed(stage: TwilioStage, bridge: Bridge) -> None:
    stage.prepare("POST", f"{bridge.url}/hook#rc=3&rp=all", call_on(stage).parameters(), "")()
    assert bridge.requests[0].url == f"{bridge.url}/hook"
    TWILIO.signature.verify(bridge.requests[0], ACCOUNT)


@pytest.mark.parametrize(
    ("fragment", "statuses", "sent"),
    [
        ("", [500, 204], 1),  # by default an answer is an answer
        ("#rc=3&rp=all", [500, 503, 204], 3),  # until it works
        ("#rc=2&rp=5xx", [500, 500, 500, 204], 3),  # or the retries are spent
        ("#rc=3&rp=5xx", [404, 204], 1),  # a cause that was not asked for
        ("#rc=3&rp=4xx,5xx", [404, 500, 204], 3),  # one of a list
        ("#rc=0&rp=all", [500, 204], 1),  # none wanted
    ],
)
def test_sent_again_as_the_fragment_asks(
    stage: TwilioStage, bridge: Bridge, fragment: str, statuses: list[int], sent: int
) -> None:
    bridge.answers["/hook"] = [Answer(status) for status in statuses]
    stage.prepare("POST", f"{bridge.url}/hook{fragment}", {}, "")()
    assert len(bridge.requests) == sent
    tokens = {request.header("i-twilio-idempotency-token") for request in bridge.requests}
    assert len(tokens) == 1


def test_another_request_has_another_token(stage: TwilioStage, bridge: Bridge) -> None:
    for _ in range(2):
        stage.prepare("POST", f"{bridge.url}/hook", {}, "")()
    assert len({r.header("i-twilio-idempotency-token") for r in bridge.requests}) == 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/p", ("https://h/p", 1, {"ct"})),  # Twilio's defaults
        ("https://h/p#rc=9", ("https://h/p", 5, {"ct"})),  # five at most
        ("https://h/p?a=1#rp=5xx,rt&ct=100", ("https://h/p?a=1", 1, {"5xx", "rt"})),
    ],
)
def test_overrides(url: str, expected: tuple[str, int, set[str]]) -> None:
    target, retries, causes = overrides(url)
    assert (target, retries, set(causes)) == expected


@pytest.mark.parametrize(
    ("status", "causes"),
    [(204, set()), (302, set()), (404, {"4xx", "all"}), (503, {"5xx", "all"})],
)
def test_failures(status: int, causes: set[str]) -> None:
    assert failures(Response(status, b"")) == causes
    assert failures(Response(0, b"")) == {"ct", "rt", "all"}


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://h:8443/p?q", "https://h/p?q"),  # TLS: without the port
        ("wss://h:443/p", "wss://h/p"),
        ("http://h:8000/p", "http://h:8000/p"),  # plain: with it
        ("https://h/p", "https://h/p"),
    ],
)
def test_signed_url(url: str, signed: str) -> None:
    assert signed_url(url) == signed


# ------------------------------------------------------------------ callbacks


def test_progress_is_reported_as_asked_for(stage: TwilioStage, bridge: Bridge) -> None:
    events = ("initiated", "ringing", "answered", "completed")
    call = call_on(stage, direction="outbound-api")
    call.callback = StatusCallback(f"{bridge.url}/status", events)
    dial(call, lambda: Document("<Response/>"), Callee())
    stage.join()
    forms = bridge.forms("/status")
    assert [form["CallStatus"] for form in forms] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2", "3"]
    assert {form["Direction"] for form in forms} == {"outbound-api"}
    assert (forms[3]["CallDuration"], forms[3]["SipResponseCode"]) == ("0", "200")
    assert parsedate_to_datetime(forms[0]["Timestamp"]).utcoffset() == timedelta(0)
    for request in bridge.requests:
        TWILIO.signature.verify(request, ACCOUNT)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("busy", "486"), ("no-answer", "487"), ("failed", "404")],
)
def test_without_named_events_only_the_end_is_reported(
    stage: TwilioStage, bridge: Bridge, outcome: str, code: str
) -> None:
    call = call_on(stage, direction="outbound-api")
    call.callback = StatusCallback(f"{bridge.url}/status")
    dial(call, lambda: None, Callee(outcome))
    stage.join()
    [form] = bridge.forms("/status")
    assert (form["CallStatus"], form["SipResponseCode"]) == (outcome, code)
    report = TWILIO.webhooks.parse(HookKind.STATUS, bridge.requests[0])
    assert [event.kind for event in report.events] == [EventKind.LEG_ENDED]


def test_the_end_is_reported_once(stage: TwilioStage, bridge: Bridge) -> None:
    call = call_on(stage)
    call.callback = StatusCallback(f"{bridge.url}/status")
    for status in ("busy", "completed"):
        call.finish(status)
    stage.join()
    assert [form["CallStatus"] for form in bridge.forms("/status")] == ["busy"]
    assert call.status == "busy"


@pytest.mark.parametrize(
    ("status", "asked", "end"),
    [
        ("ringing", "canceled", "canceled"),  # taken back in time
        ("ringing", "completed", "canceled"),  # nothing to complete yet
        ("in-progress", "canceled", "in-progress"),  # too late, and without effect
        ("in-progress", "completed", "completed"),
    ],
)
def test_hung_up_by_the_api(stage: TwilioStage, status: str, asked: str, end: str) -> None:
    call = call_on(stage)
    call.status = status
    call.hang_up(asked)
    assert call.status == end
    assert call.over.is_set() == (end != "in-progress")


def test_an_inbound_request_names_everything(stage: TwilioStage) -> None:
    found = call_on(stage).parameters()
    assert found["Caller"] == found["From"] == "+14155550123"
    assert found["Called"] == found["To"] == "+14155550001"
    assert found["FromCity"] == found["CalledCity"] == "SAN FRANCISCO"
    assert found["StirVerstat"] == "TN-Validation-Passed-A"
    assert (found["CallStatus"], found["Direction"]) == ("ringing", "inbound")


# ------------------------------------------------------------------ TwiML


def test_a_document_of_the_apis_parameter_is_short(stage: TwilioStage) -> None:
    arrive(call_on(stage), lambda: Document(f"<Response><Say>{'x' * 4000}</Say></Response>"))
    assert "12100: not one <Response> of at most 4000" in stage.problems[0]


@pytest.mark.parametrize(
    ("twiml", "problem"),
    [
        ("<Hangup/>", None),
        ("<Reject/>", None),
        ("", None),  # nothing to do: hung up
        ("<Say>Hello</Say><Pause/>", None),
        ('<Pause length="x"/>', "12200: <Pause length='x'>"),
        ("<Connect/>", "<Connect> without <Stream>"),
        ("<Enqueue>q</Enqueue>", "12200: <Enqueue> is no verb"),
        ("<Say>", "12100: not well-formed"),
        (f"<Say>{'x' * 4000}</Say>", None),  # it was fetched
        (f"<Say>{'x' * 65_536}</Say>", "12100: not one <Response> of at most 65536"),
        ("<Refer><Sip>sip:a@pbx.example</Sip></Refer>", "a leg that is SIP"),
        ('<Connect><Stream url="https://h/x"/></Connect>', "31922"),  # not wss://
        ('<Connect><Stream url="wss://h/x?token=1"/></Connect>', "31922"),  # a query
        ('<Connect><Stream url="ws://127.0.0.1:1/x"/></Connect>', "media socket refused"),
        ("<Redirect>http://owner.example/back</Redirect>", None),  # the owner's, not called
        (f"<Redirect>{FLOW}&amp;a=1</Redirect>", None),
        (f"<Redirect>{FLOW.replace('=return', '=x')}</Redirect>", "starts the flow anew"),
    ],
)
def test_what_a_document_does(stage: TwilioStage, twiml: str, problem: str | None) -> None:
    call = call_on(stage)
    runs(call, twiml)
    assert call.status == "completed"
    assert [problem in each for each in stage.problems if problem] == ([True] if problem else [])
    assert not (stage.problems and problem is None)


def test_another_root_is_no_twiml(stage: TwilioStage) -> None:
    arrive(call_on(stage), lambda: Document("<Html/>"))
    assert stage.problems == ["12100: not one <Response> of at most 4000 characters"]


@given(st.text(max_size=200))
def test_no_text_breaks_the_interpreter(text: str) -> None:
    with TwilioStage(config(Bridge(url="http://127.0.0.1:1")), out=lambda line: None) as stage:
        call = call_on(stage)
        arrive(call, lambda: Document(text))
        assert call.over.is_set()


def test_studio_takes_its_leg_back_with_the_parameters(stage: TwilioStage) -> None:
    runs(call_on(stage), f"<Redirect>{FLOW}&amp;vapiEndedReason=voicemail</Redirect><Enqueue/>")
    assert stage.returned == {"FlowEvent": "return", "vapiEndedReason": "voicemail"}
    assert stage.problems == []  # no verb runs after a redirect


def test_redirect_asks_the_bridge_relative_to_the_document(
    stage: TwilioStage, bridge: Bridge
) -> None:
    bridge.answers["/next/b"] = [Answer(200, "<Response><Hangup/></Response>")]
    document = Document("<Response><Redirect>b</Redirect></Response>", f"{bridge.url}/next/a")
    arrive(call_on(stage), lambda: document)
    assert [form["CallStatus"] for form in bridge.forms("/next/b")] == ["in-progress"]
    assert stage.documents == ["<Response><Hangup/></Response>"]


def test_redirect_for_ever_is_stopped(stage: TwilioStage, bridge: Bridge) -> None:
    again = f"<Response><Redirect>{bridge.url}/again</Redirect></Response>"
    bridge.answers["/again"] = [Answer(200, again)]
    runs(call_on(stage), f"<Redirect>{bridge.url}/again</Redirect>")
    assert stage.problems == ["more than 50 documents in one call"]


def test_dial_asks_with_the_outcome(stage: TwilioStage, bridge: Bridge) -> None:
    bridge.answers["/dial"] = [Answer(200, "<Response/>")]
    runs(call_on(stage), f'<Dial action="{bridge.url}/dial"><Number>+1555</Number></Dial>')
    assert bridge.forms("/dial")[0]["DialCallStatus"] == "completed"
    report = TWILIO.webhooks.parse(HookKind.FORWARD, bridge.to("/dial")[0])
    assert [event.kind for event in report.events] == [EventKind.FORWARD_ENDED]


@pytest.mark.parametrize(
    ("outcome", "leg"),
    [
        ("busy", "in-progress"),
        ("no-answer", "in-progress"),
        ("canceled", "completed"),  # the caller left while it rang
    ],
)
def test_a_dial_that_fails_says_so(
    stage: TwilioStage, bridge: Bridge, outcome: str, leg: str
) -> None:
    stage.destination_outcome = outcome
    runs(call_on(stage), f'<Dial action="{bridge.url}/dial"><Number>+1555</Number></Dial>')
    told = bridge.forms("/dial")[0]
    assert (told["DialCallStatus"], told["CallStatus"]) == (outcome, leg)
    assert told["DialBridged"] == "false"


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response(200, b"", "text/xml; charset=utf-8"), ""),
        (Response(200, b"", "text/html"), ""),  # Twilio takes it
        (Response(204, b"", "application/xml"), ""),
        (Response(200, b"", "application/json"), "12300: content type application/json"),
        (Response(200, b"", ""), "12300: content type none"),
        (Response(500, b"oops"), "11200: answered 500 'oops'"),
        (Response(302, b""), "11200: answered 302"),
        (Response(0, b""), "11200: answered nothing"),
    ],
)
def test_unusable(response: Response, fault: str) -> None:
    assert unusable(response).startswith(fault)
    assert bool(unusable(response)) == bool(fault)


def test_an_unusable_answer_ends_the_call(stage: TwilioStage, bridge: Bridge) -> None:
    bridge.answers["/answer"] = [Answer(503)]
    call = call_on(stage)
    arrive(call, partial(call.fetch, f"{bridge.url}/answer"))
    assert call.status == "completed"
    assert stage.problems == ["11200: answered 503 '': POST /answer"]


# ------------------------------------------------------------------ media streams


def test_assistant_ends_and_the_next_verb_runs(stage: TwilioStage, bridge: Bridge) -> None:
    runs(call_on(stage, CallerAction.PRESS), f"{connect(bridge)}<Redirect>{FLOW}</Redirect>")
    assert stage.problems == []
    assert stage.call_id == CALL_ID
    assert stage.returned == {"FlowEvent": "return"}
    forms = bridge.forms("/stream")
    assert [form["StreamEvent"] for form in forms] == [
        "stream-started",
        "stream-error",
        "stream-stopped",
    ]
    assert forms[1]["StreamError"].startswith("31921")
    assert len({form["StreamSid"] for form in forms}) == 1
    for request in bridge.requests:
        TWILIO.signature.verify(request, ACCOUNT)


def test_handshake_is_signed(stage: TwilioStage, bridge: Bridge) -> None:
    runs(call_on(stage), connect(bridge))
    [(path, headers)] = bridge.handshakes
    assert path == urlsplit(bridge.media_url).path
    TWILIO.signature.verify_socket(bridge.media_url, headers, ACCOUNT)


def test_the_time_limit_cuts_the_call(stage: TwilioStage, bridge: Bridge) -> None:
    heard: SimpleQueue[str | None] = SimpleQueue()
    bridge.sockets = _listen(heard)
    call = call_on(stage, CallerAction.STAY, time_limit=0.01)  # nobody ends it in time
    runs(call, f"{connect(bridge)}<Redirect>{FLOW}</Redirect>")
    assert call.status == "completed"
    assert stage.returned == {}
    *_, last = iter(partial(heard.get, timeout=30), None)
    assert last == "stop"


def test_no_verb_runs_for_a_caller_who_has_left(stage: TwilioStage, bridge: Bridge) -> None:
    runs(call_on(stage, CallerAction.HANG_UP), f"{connect(bridge)}<Redirect>{FLOW}</Redirect>")
    assert stage.returned == {}
    events = [form["StreamEvent"] for form in bridge.forms("/stream")]
    assert events == ["stream-started", "stream-stopped"]


def test_a_dropped_socket_leaves_the_leg_alive(stage: TwilioStage, bridge: Bridge) -> None:
    again = f"<Response>{connect(bridge)}</Response>"
    bridge.answers["/after"] = [Answer(200, again)]
    call = call_on(stage, CallerAction.DROP, CallerAction.PRESS)
    runs(call, f"{connect(bridge)}<Redirect>{bridge.url}/after</Redirect>")
    assert len(bridge.handshakes) == 2
    errors = [form.get("StreamError", "")[:5] for form in bridge.forms("/stream")]
    assert errors == ["", "31903", "", "", "31921", ""]
    assert stage.problems == []


def test_an_assistant_that_never_ends_is_a_problem(bridge: Bridge) -> None:
    bridge.sockets = _listen(SimpleQueue())
    with TwilioStage(config(bridge, timeout=0.05), out=lambda line: None) as stage:
        call = call_on(stage, CallerAction.PRESS)
        runs(call, connect(bridge))
    assert "heard nothing of the assistant" in stage.problems[0]
    assert "did not close the media socket" in stage.problems[1]
    assert call.status == "completed"


def test_a_refused_socket_is_reported_and_the_next_verb_runs(
    stage: TwilioStage, bridge: Bridge
) -> None:
    twiml = connect(bridge).replace(bridge.media_url, "ws://127.0.0.1:1/x")
    runs(call_on(stage), f"{twiml}<Redirect>{FLOW}</Redirect>")
    assert [form["StreamEvent"] for form in bridge.forms("/stream")] == ["stream-error"]
    assert stage.returned == {"FlowEvent": "return"}


def _listen(heard: SimpleQueue[str | None]) -> Callable[[ServerConnection], None]:
    """A silent assistant that notes each event's name, and None when the socket is closed."""

    def run(ws: ServerConnection) -> None:
        try:
            for message in ws:
                heard.put(json.loads(message)["event"])
        except ConnectionClosed:
            return
        finally:
            heard.put(None)

    return run


class Said(MediaStream):
    """A stream that is connected to nothing."""

    def __init__(self, speed: float = 0) -> None:
        self.sent: list[dict[str, Any]] = []
        refs = {"account_sid": ACCOUNT_SID, "call_sid": "CA" + "2" * 32}
        super().__init__("ws://x", {}, speed, parameters={"callId": "1"}, **refs)

    def send(self, message: str | bytes) -> None:
        self.sent.append(json.loads(message))


def test_frames_are_as_twilio_sends_them() -> None:
    stream = Said()
    stream.hello()
    stream.talk(2)
    stream.press("5")
    stream.goodbye()
    stream.playout.close()
    connected, start, first, second, dtmf, stop = stream.sent
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"]["customParameters"] == {"callId": "1"}
    assert start["start"]["mediaFormat"] == {
        "encoding": "audio/x-mulaw",
        "sampleRate": 8000,
        "channels": 1,
    }
    assert [each["sequenceNumber"] for each in stream.sent[1:]] == ["1", "2", "3", "4", "5"]
    assert (first["media"]["chunk"], first["media"]["timestamp"]) == ("1", "20")
    assert (second["media"]["chunk"], second["media"]["timestamp"]) == ("2", "40")
    assert len(base64.b64decode(first["media"]["payload"])) == 160
    assert dtmf["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert stop["stop"] == {"accountSid": ACCOUNT_SID, "callSid": "CA" + "2" * 32}
    assert {each.get("streamSid") for each in stream.sent[1:]} == {stream.sid}


@pytest.mark.parametrize(
    "message",
    [
        b"\0\0",  # binary
        "hello",  # no JSON
        "[]",  # no object
        '{"event": "mark", "mark": {"name": "a"}}',  # no streamSid
        '{"event": "mark", "streamSid": "MZ0", "mark": {"name": "a"}}',  # another stream's
        '{"event": "media", "streamSid": "SID", "media": {"payload": "*"}}',  # bad base64
        '{"event": "media", "streamSid": "SID"}',  # no media
        '{"event": "play", "streamSid": "SID"}',  # unknown
        '{"streamSid": "SID"}',  # no event
    ],
)
def test_what_twilio_would_not_understand_is_a_fault(message: str | bytes) -> None:
    stream = Said()
    stream.received(message.replace("SID", stream.sid) if isinstance(message, str) else message)
    stream.playout.close()
    assert len(stream.faults) == 1
    assert stream.faults[0].startswith("31950")


def test_sound_and_clear_are_understood() -> None:
    stream = Said()
    media = {"payload": base64.b64encode(bytes(800)).decode()}
    stream.received(json.dumps({"event": "media", "streamSid": stream.sid, "media": media}))
    stream.received(json.dumps({"event": "clear", "streamSid": stream.sid}))
    stream.playout.close()
    assert stream.faults == []
    assert stream.playout.heard == pytest.approx(0.1)


# ------------------------------------------------------------------ scenarios and settings


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda each: each.name)
def test_every_scenario_says_what_it_plays(scenario: Scenario[TwilioStage]) -> None:
    assert scenario.description.endswith(".")
    assert len(scenario.description) < 130
    assert (scenario.reason is None) == (scenario.status != "ended")


def test_a_scenario_is_played_to_its_verdict(bridge: Bridge) -> None:
    details = {
        "to": "+14155550123",
        "from": "+14155550001",
        "twiml": f"<Response>{connect(bridge)}</Response>",
        "statusCallback": f"{bridge.url}/status#rc=3&rp=all",
        "statusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "statusCallbackMethod": "POST",
    }
    bridge.api({"status": "ended", "endedReason": "customer-ended-call"}, details=details)
    result = run("answered-hangup", config(bridge), out=lambda line: None)
    assert result.ok, result.problems
    assert len(bridge.to("/status")) == 4
    assert result.documents == [details["twiml"]]


@pytest.mark.parametrize(
    ("name", "sent"),
    [("shuffled", 4), ("duplicated", 12)],
)
def test_callbacks_go_astray(bridge: Bridge, name: str, sent: int) -> None:
    details = {
        "to": "+14155550123",
        "from": "+14155550001",
        "twiml": f"<Response>{connect(bridge)}</Response>",
        "statusCallback": f"{bridge.url}/status",
        "statusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
    }
    expected = SCENARIOS[name]
    bridge.api({"status": "ended", "endedReason": expected.reason}, details=details)
    result = run(name, config(bridge), out=lambda line: None)
    assert result.ok, result.problems
    forms = bridge.forms("/status")
    numbers = [form["SequenceNumber"] for form in forms]
    assert len(numbers) == sent
    assert set(numbers) == {"0", "1", "2", "3"}
    assert numbers != sorted(numbers) or name == "duplicated"
    tokens = {each.header("i-twilio-idempotency-token") for each in bridge.to("/status")}
    assert len(tokens) == 4


def test_details_without_twiml_are_a_problem(bridge: Bridge) -> None:
    bridge.api({"status": "queued"})
    result = run("never-arrives", config(bridge, timeout=0), out=lambda line: None)
    assert not result.ok
    assert "without phoneCallProviderDetails.twiml" in result.problems[0]


def test_play_is_what_run_does(stage: TwilioStage, bridge: Bridge) -> None:
    bridge.api({"status": "queued"}, details={"twiml": "<Response/>"})
    assert play(SCENARIOS["never-arrives"], stage).ok


def test_unknown_scenario(bridge: Bridge) -> None:
    with pytest.raises(SimulatorError, match="no scenario 'x'; there are inbound, "):
        run("x", config(bridge))


def test_configuration_from_the_bridges_variables() -> None:
    environ = {
        "API_KEY": "k",
        "PUBLIC_URL": "https://b.example",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": "new, old",
        "TWILIO_PHONE_NUMBER": "+14155550001",
    }
    found = config_from_environment(environ, speed=0.5)
    assert (found.auth_token, found.speed) == ("new", 0.5)
    assert found.return_url.endswith(f"/Accounts/{ACCOUNT_SID}/Flows/{FLOW_SID}?FlowEvent=return")
    assert "new" not in repr(found)
    del environ["TWILIO_AUTH_TOKEN"]
    with pytest.raises(SimulatorError, match="TWILIO_AUTH_TOKEN is not set"):
        config_from_environment(environ)
