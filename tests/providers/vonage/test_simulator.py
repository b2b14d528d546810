"""The simulated Vonage: how it signs and tries again, what it makes of NCCO, and its media sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from providers.base.webhook import HookKind
from providers.events import EndedReason, EventKind
from providers.simulation.scenario import Scenario
from providers.simulation.stage import Callee, CallerAction
from providers.simulation.timeline import Response, SimulatorError
from providers.vonage import VONAGE
from providers.vonage.simulator import SCENARIOS, VonageConfig, config_from_environment, run
from providers.vonage.simulator.call import Call, EventUrl, Leg, Ncco, unusable
from providers.vonage.simulator.config import OWNER_URL, VonageStage, flat
from providers.vonage.simulator.media import VonageSocket
from providers.vonage.simulator.ncco_player import arrive, dial
from tests.fakes.bridge import CALL_ID, Answer, Bridge, echo, said, standing_in

KEY = "abcd1234"
SECRET = "a signature secret of some length"
APPLICATION = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
ACCOUNT = VONAGE.config.account(KEY, {"signatureSecrets": [SECRET], "applicationId": APPLICATION})
PATIENCE = 30


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        bridge.sockets = echo(VONAGE.serializer)
        yield bridge


@pytest.fixture
def stage(bridge: Bridge) -> Iterator[VonageStage]:
    with VonageStage(config(bridge), out=lambda line: None) as stage:
        yield stage


def config(bridge: Bridge, **changes: Any) -> VonageConfig:
    values: dict[str, Any] = {
        "bridge_url": bridge.url,
        "api_key": "the-key",
        "number": "+14155550001",
        "return_url": OWNER_URL,
        "account_key": KEY,
        "signature_secret": SECRET,
        "application_id": APPLICATION,
        "speed": 0,
        "timeout": PATIENCE,
    }
    return VonageConfig(**(values | changes))


def call_on(
    stage: VonageStage,
    *acts: CallerAction,
    direction: str = "inbound",
    time_limit: float | None = None,
) -> Call:
    events = EventUrl(f"{stage.config.bridge_url}/phone")
    leg = Leg(stage, "CON-1", "14155550123", "14155550001", direction, events)
    return Call(leg, acts or (CallerAction.PRESS,), time_limit)


def runs(call: Call, *actions: dict[str, Any]) -> None:
    """An inbound leg runs one NCCO, and every event is answered."""
    arrive(call, lambda: list(actions))
    call.stage.join()


def endpoint(bridge: Bridge, **changes: Any) -> dict[str, Any]:
    return {
        "type": "websocket",
        "uri": bridge.media_url,
        "content-type": "audio/l16;rate=16000",
        "headers": {"callId": CALL_ID},
        "authorization": {"type": "vonage"},
    } | changes


def connect(bridge: Bridge, **changes: Any) -> dict[str, Any]:
    """What the bridge's own NCCO is."""
    return {
        "action": "connect",
        "from": "Patchbay",
        "eventType": "synchronous",
        "eventUrl": [f"{bridge.url}/socket"],
        "endpoint": [endpoint(bridge)],
    } | changes


def statuses(bridge: Bridge, path: str) -> list[str]:
    return [document["status"] for document in bridge.documents(path)]


TALK = {"action": "talk", "text": "Goodbye."}


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_request_is_signed_as_vonage_signs(
    stage: VonageStage, bridge: Bridge, method: str
) -> None:
    payload = {"to": "1415", "dtmf": {"digits": "12"}, "text": "a+b & c=d é", "none": None}
    url = f"{bridge.url}/hook" + ("?assistantId=a%2Bb" if method == "GET" else "")
    assert stage.prepare(method, url, payload, "answer")().status == 204
    [request] = bridge.requests
    assert request.method == method
    VONAGE.signature.verify(request, ACCOUNT)


def test_get_carries_nested_values_as_json(stage: VonageStage, bridge: Bridge) -> None:
    stage.prepare("GET", f"{bridge.url}/hook?ours=1", {"dtmf": {"digits": "1"}, "to": "1"}, "")()
    assert parse_qsl(bridge.requests[0].query) == [
        ("ours", "1"),
        ("dtmf", '{"digits":"1"}'),
        ("to", "1"),
    ]


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        ([503, 503, 204], 2),  # once more, and no more
        ([429, 204], 2),
        ([504, 204], 2),
        ([500, 204], 1),  # the others are final
        ([401, 204], 1),
        ([204], 1),
    ],
)
def test_tried_again_where_vonage_does(
    stage: VonageStage, bridge: Bridge, answers: list[int], sent: int
) -> None:
    bridge.answers["/hook"] = [Answer(status) for status in answers]
    stage.prepare("POST", f"{bridge.url}/hook", {}, "")()
    assert len(bridge.requests) == sent
    assert len({request.header("authorization") for request in bridge.requests}) == 1


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), ({"b": [1]}, '{"b":[1]}'), (None, "null")]
)
def test_flat(value: Any, expected: str) -> None:
    assert flat(value) == expected


# ------------------------------------------------------------------ events


@pytest.mark.parametrize(
    ("outcome", "words", "reason"),
    [
        ("busy", ["busy", "completed"], EndedReason.CUSTOMER_BUSY),
        ("unanswered", ["unanswered", "completed"], EndedReason.CUSTOMER_DID_NOT_ANSWER),
        ("timeout", ["timeout", "completed"], EndedReason.CUSTOMER_DID_NOT_ANSWER),
        ("failed", ["failed", "completed"], EndedReason.VONAGE_FAILED_TO_CONNECT_CALL),
        ("rejected", ["rejected"], EndedReason.VONAGE_REJECTED),  # no completed follows
    ],
)
def test_ends_before_an_answer(
    stage: VonageStage, bridge: Bridge, outcome: str, words: list[str], reason: EndedReason
) -> None:
    dial(call_on(stage, direction="outbound"), list, Callee(outcome))
    stage.join()
    assert statuses(bridge, "/phone") == ["started", "ringing", *words]
    report = VONAGE.webhooks.parse(HookKind.STATUS, bridge.to("/phone")[2])
    assert [event.reason for event in report.events] == [reason]


def test_an_answered_leg_tells_its_times(stage: VonageStage, bridge: Bridge) -> None:
    runs(call_on(stage), TALK)
    *_, answered, completed = bridge.documents("/phone")
    assert statuses(bridge, "/phone") == ["started", "ringing", "answered", "completed"]
    assert answered["rate"] is None
    assert completed["duration"] == "0"
    assert completed["disconnected_by"] == "platform"
    assert completed["start_time"].endswith("Z")
    for request in bridge.requests:
        VONAGE.signature.verify(request, ACCOUNT)


def test_events_that_go_nowhere_are_not_sent(stage: VonageStage, bridge: Bridge) -> None:
    leg = Leg(stage, "CON-1", "1", "2", "inbound", EventUrl(None))
    leg.happen("started")
    assert leg.ask("disconnected").status == 204
    assert bridge.requests == []


def test_hung_up_by_the_api_while_it_rings(stage: VonageStage, bridge: Bridge) -> None:
    call = call_on(stage, direction="outbound")
    stage.spawn(lambda: dial(call, list, Callee("rings")))
    assert call.rings.wait(PATIENCE)
    call.leg.hang_up()
    stage.join()
    assert statuses(bridge, "/phone") == ["started", "ringing", "cancelled", "completed"]


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_answer_webhook(stage: VonageStage, bridge: Bridge, method: str) -> None:
    bridge.answers["/answer"] = [said([TALK])]
    call = call_on(stage)
    assert call.fetch(f"{bridge.url}/answer?assistantId=1", method) == [TALK]
    [request] = bridge.to("/answer")
    VONAGE.signature.verify(request, ACCOUNT)
    report = VONAGE.webhooks.parse(HookKind.ARRIVE, request)
    assert report.leg is not None
    assert (report.leg.call_ref, report.leg.leg_ref) == ("CON-1", call.leg.uuid)
    assert (report.leg.from_, report.leg.to) == ("+14155550123", "+14155550001")


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response(200, b"[]", "application/json"), ""),
        (Response(200, b"[]", "application/json; charset=utf-8"), ""),
        (Response(200, b"[]", "text/html"), "incorrectly encoded NCCO: content type text/html"),
        (Response(200, b"[", "application/json"), "incorrectly encoded NCCO: not JSON"),
        (Response(200, b"{}", "application/json"), "Syntax error in NCCO"),
        (Response(200, b"[1]", "application/json"), "Syntax error in NCCO"),
        (Response(500, b"oops"), "answered 500 'oops'"),
        (Response(0, b""), "answered nothing"),
    ],
)
def test_unusable(response: Response, fault: str) -> None:
    assert unusable(response).startswith(fault)
    assert bool(unusable(response)) == bool(fault)


def test_an_unusable_answer_ends_the_call(stage: VonageStage, bridge: Bridge) -> None:
    bridge.answers["/answer"] = [said({"message": "no"}, 401)]
    call = call_on(stage)
    arrive(call, lambda: call.fetch(f"{bridge.url}/answer", "GET"))
    stage.join()
    assert call.leg.over.is_set()
    assert stage.problems == ['answered 401 \'{"message": "no"}\'']


# ------------------------------------------------------------------ NCCO


LONG = {"action": "talk", "text": "x" * 1501}
PHONE = {"type": "phone", "number": "14155550199"}


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (TALK, None),
        ({"action": "wait", "timeout": 1}, None),
        ({"action": "wait", "timeout": "long"}, "wait: timeout"),
        ({"action": "wait", "timeout": 0}, "wait: timeout"),
        ({"action": "connect", "endpoint": ["phone"]}, "invalid endpoint type"),
        (LONG, "talk: text of at most 1500"),
        ({"action": "talk"}, "talk: text"),
        ({"action": "hangup"}, "Invalid value type or action"),  # there is no such action
        ({}, "Invalid value type or action"),
        ({"action": ["talk"]}, "Invalid value type or action"),
        ({"action": "connect"}, "endpoint must be an array of one"),
        ({"action": "connect", "endpoint": [PHONE, PHONE]}, "endpoint must be an array of one"),
        ({"action": "connect", "endpoint": [{"type": "fax"}]}, "invalid endpoint type"),
        ({"action": "connect", "endpoint": [PHONE]}, None),
        ({"action": "connect", "endpoint": [{**PHONE, "number": "+1"}]}, "digits only"),
        ({"action": "connect", "endpoint": [PHONE], "eventUrl": "http://h"}, "array of one URL"),
        ({"action": "notify", "eventUrl": [OWNER_URL]}, "payload and eventUrl are required"),
        ({"action": "notify", "payload": {}}, "payload and eventUrl are required"),
    ],
)
def test_what_an_action_does(
    stage: VonageStage, action: dict[str, Any], problem: str | None
) -> None:
    call = call_on(stage)
    runs(call, action, TALK)
    assert [problem in each for each in stage.problems if problem] == ([True] if problem else [])
    assert not (stage.problems and problem is None)
    assert bool(call.spoken) == (problem is None)  # a wrong NCCO drops the call
    assert call.leg.over.is_set()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"uri": "https://h/x"}, "must be ws:// or wss://"),
        ({"uri": None}, "must be ws:// or wss://"),
        ({"content-type": "audio/wav"}, "invalid websocket content-type"),
        ({"content-type": None}, "invalid websocket content-type"),
        ({"headers": {"a": "x" * 512}}, "headers exceed 512 bytes"),
        ({"headers": "a"}, "headers exceed 512 bytes"),
        ({"uri": "ws://127.0.0.1:1/x"}, "media socket refused"),
    ],
)
def test_websocket_endpoints(
    stage: VonageStage, bridge: Bridge, changes: dict[str, Any], problem: str
) -> None:
    runs(call_on(stage), connect(bridge, endpoint=[endpoint(bridge, **changes)]))
    assert [problem in each for each in stage.problems] == [True]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["action", "endpoint", "text", "payload", "eventUrl", "timeout"]),
            st.sampled_from(["talk", "connect", "notify", "wait"])
            | st.lists(st.just("http://h") | st.dictionaries(st.just("type"), st.just("phone"))),
        ),
        max_size=5,
    )
)
def test_no_ncco_breaks_the_interpreter(ncco: Ncco) -> None:
    with VonageStage(config(Bridge(url="http://127.0.0.1:1")), out=lambda line: None) as stage:
        leg = Leg(stage, "CON-1", "1", "2", "inbound", EventUrl(None))
        arrive(Call(leg), lambda: ncco)
        assert leg.over.is_set()


def test_the_owner_is_notified_but_not_called(stage: VonageStage, bridge: Bridge) -> None:
    notify = {"action": "notify", "payload": {"vapiEndedReason": "voicemail"}}
    runs(call_on(stage), {**notify, "eventUrl": [OWNER_URL]}, TALK)
    assert stage.returned == {"vapiEndedReason": "voicemail"}
    assert statuses(bridge, "/phone")[-1] == "completed"


def test_the_bridge_may_answer_a_notification_with_ncco(stage: VonageStage, bridge: Bridge) -> None:
    bridge.answers["/notified"] = [said([TALK])]
    notify = {"action": "notify", "payload": {"a": 1}, "eventUrl": [f"{bridge.url}/notified"]}
    call = call_on(stage)
    runs(call, notify, LONG)  # which would be a problem, were it not replaced
    [document] = bridge.documents("/notified")
    assert set(document) == {"payload", "conversation_uuid", "timestamp"}
    assert call.spoken == ["Goodbye."]
    assert stage.problems == []


def test_actions_for_ever_are_stopped(stage: VonageStage) -> None:
    runs(call_on(stage), *[TALK] * 51)
    assert stage.problems == ["more than 50 actions in one call"]


def test_the_leg_of_a_forward_has_its_own_events(stage: VonageStage, bridge: Bridge) -> None:
    url = [f"{bridge.url}/forward"]
    runs(call_on(stage), {"action": "connect", "endpoint": [PHONE], "eventUrl": url})
    assert statuses(bridge, "/forward") == ["started", "ringing", "answered", "completed"]
    assert {each["to"] for each in bridge.documents("/forward")} == {"14155550199"}
    assert {each["conversation_uuid"] for each in bridge.documents("/forward")} == {"CON-1"}


def test_a_forward_that_fails_asks_what_now(stage: VonageStage, bridge: Bridge) -> None:
    """The answer to the word that says why replaces the NCCO; the summary comes after it."""
    bridge.answers["/forward"] = [said([TALK])] * 4
    stage.destination_outcome = "busy"
    connecting = {"action": "connect", "endpoint": [PHONE], "eventUrl": [f"{bridge.url}/forward"]}
    call = call_on(stage)
    runs(call, connecting, LONG)
    assert set(statuses(bridge, "/forward")) == {"started", "ringing", "busy", "completed"}
    assert call.spoken == ["Goodbye."]


def test_a_caller_may_leave_during_a_forward(stage: VonageStage, bridge: Bridge) -> None:
    stage.destination_outcome = "cancelled"
    connecting = {"action": "connect", "endpoint": [PHONE], "eventUrl": [f"{bridge.url}/forward"]}
    call = call_on(stage)
    runs(call, connecting, TALK)
    assert set(statuses(bridge, "/forward")) == {"started", "ringing", "cancelled", "completed"}
    assert call.spoken == []


# ------------------------------------------------------------------ media sockets


def test_assistant_ends_and_the_call_with_it(stage: VonageStage, bridge: Bridge) -> None:
    runs(call_on(stage, CallerAction.PRESS), connect(bridge))
    assert stage.problems == []
    assert stage.call_id == CALL_ID
    documents = {each["status"]: each for each in bridge.documents("/socket")}
    assert set(documents) == {"started", "ringing", "answered", "disconnected", "completed"}
    assert {each["to"] for each in documents.values()} == {bridge.media_url}
    assert {each["conversation_uuid"] for each in documents.values()} == {"CON-1"}
    assert documents["started"]["headers"] == {"callId": CALL_ID}
    assert documents["completed"]["disconnected_by"] == "user"
    reports = [VONAGE.webhooks.parse(HookKind.STATUS, each) for each in bridge.to("/socket")]
    [asking] = [report for report in reports if report.asks]
    assert [event.kind for event in asking.events] == [EventKind.LEG_CONTINUED]


def test_the_answer_to_disconnected_replaces_the_rest(stage: VonageStage, bridge: Bridge) -> None:
    answers = {"disconnected": said([TALK])}
    _answering(bridge, answers)
    call = call_on(stage)
    runs(call, connect(bridge), {"action": "talk", "text": "not this"})
    assert call.spoken == ["Goodbye."]


def test_without_an_answer_the_next_action_runs(stage: VonageStage, bridge: Bridge) -> None:
    call = call_on(stage)
    runs(call, connect(bridge), TALK)
    assert call.spoken == ["Goodbye."]


def test_a_dropped_socket_may_be_replaced(stage: VonageStage, bridge: Bridge) -> None:
    _answering(bridge, {"disconnected": said([connect(bridge)])}, once=True)
    runs(call_on(stage, CallerAction.DROP, CallerAction.PRESS), connect(bridge))
    assert len(bridge.handshakes) == 2
    assert statuses(bridge, "/socket").count("disconnected") == 2
    assert len({each["uuid"] for each in bridge.documents("/socket")}) == 2
    assert stage.problems == []


def test_hanging_up_ends_both_legs(stage: VonageStage, bridge: Bridge) -> None:
    call = call_on(stage, CallerAction.HANG_UP)
    runs(call, connect(bridge), TALK)
    assert call.spoken == []
    assert statuses(bridge, "/socket") == ["started", "ringing", "answered", "completed"]
    assert bridge.documents("/socket")[-1]["disconnected_by"] == "platform"
    assert bridge.documents("/phone")[-1]["disconnected_by"] == "user"


def test_a_refused_socket_asks_what_now(stage: VonageStage, bridge: Bridge) -> None:
    _answering(bridge, {"failed": said([TALK])})
    refused = endpoint(bridge, uri="ws://127.0.0.1:1/x")
    call = call_on(stage)
    runs(call, connect(bridge, endpoint=[refused]))
    assert call.spoken == ["Goodbye."]
    # What asks does not wait for what only tells: "failed" may overtake the others.
    assert set(statuses(bridge, "/socket")) == {"started", "ringing", "failed", "completed"}


def test_the_time_limit_cuts_the_call(stage: VonageStage, bridge: Bridge) -> None:
    bridge.sockets = _silent
    call = call_on(stage, CallerAction.STAY, time_limit=0.01)
    runs(call, connect(bridge), TALK)
    assert call.spoken == []
    assert bridge.documents("/phone")[-1]["disconnected_by"] == "platform"


def test_transferred_by_the_api(stage: VonageStage, bridge: Bridge) -> None:
    call = call_on(stage, CallerAction.STAY)

    def transfer(ws: ServerConnection) -> None:
        call.leg.transfer([TALK])
        _silent(ws)

    bridge.sockets = transfer
    runs(call, connect(bridge), {"action": "talk", "text": "not this"})
    assert call.spoken == ["Goodbye."]
    assert "disconnected" not in statuses(bridge, "/socket")


@pytest.mark.parametrize("authorization", [{"type": "vonage"}, None])
def test_handshake_is_signed_where_it_is_asked_for(
    stage: VonageStage, bridge: Bridge, authorization: dict[str, str] | None
) -> None:
    runs(call_on(stage), connect(bridge, endpoint=[endpoint(bridge, authorization=authorization)]))
    [(path, headers)] = bridge.handshakes
    assert path == urlsplit(bridge.media_url).path
    names = {name.lower() for name, _ in headers}
    assert ("authorization" in names) == (authorization is not None)
    if authorization:
        VONAGE.signature.verify_socket(bridge.media_url, _lower(headers), ACCOUNT)


def _lower(headers: Any) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers]


def _answering(bridge: Bridge, answers: dict[str, Answer], *, once: bool = False) -> None:
    """Answers the media leg's events by their status."""
    plain = bridge.answer

    def answer(request: Any) -> Answer:
        found = plain(request)
        status = json.loads(request.body).get("status") if request.body else None
        if urlsplit(request.url).path != "/socket" or status not in answers:
            return found
        return answers.pop(status) if once else answers[status]

    bridge.answer = answer  # type: ignore[method-assign]


def _silent(ws: ServerConnection) -> None:
    try:
        for _ in ws:
            pass
    except ConnectionClosed:
        return


class Said(VonageSocket):
    """A socket that is connected to nothing."""

    def __init__(self, content_type: str = "audio/l16;rate=16000") -> None:
        self.sent: list[str | bytes] = []
        super().__init__("ws://x", {}, 0, content_type=content_type, own_headers={"callId": "1"})

    def send(self, message: str | bytes) -> None:
        self.sent.append(message)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.sent if isinstance(each, str)]


@pytest.mark.parametrize(
    ("content_type", "size"),
    [
        ("audio/l16;rate=8000", 320),
        ("audio/l16;rate=16000", 640),
        ("audio/l16;rate=24000", 960),
    ],
)
def test_frames_are_as_vonage_sends_them(content_type: str, size: int) -> None:
    socket = Said(content_type)
    socket.hello()
    socket.talk(2)
    socket.press("#")
    socket.goodbye()
    socket.playout.close()
    connected, dtmf = socket.events()
    assert connected == {
        "event": "websocket:connected",
        "content-type": content_type,
        "callId": "1",
    }
    assert dtmf == {"event": "websocket:dtmf", "digit": "#", "duration": 260}
    assert [len(each) for each in socket.sent if isinstance(each, bytes)] == [size, size]


def test_unknown_content_type() -> None:
    with pytest.raises(ValueError, match="audio/wav"):
        Said("audio/wav")


@pytest.mark.parametrize(
    "message",
    [
        bytes(320),  # not 20 ms at 16 kHz
        b"",
        "hello",  # no JSON
        "[]",  # no object
        '{"action": "hangup"}',  # unknown
        '{"action": "notify"}',  # no payload
        '{"event": "clear"}',  # no action
    ],
)
def test_what_vonage_would_not_understand_is_a_fault(message: str | bytes) -> None:
    socket = Said()
    socket.received(message)
    socket.playout.close()
    assert len(socket.faults) == 1


def test_sound_and_clear_are_understood() -> None:
    socket = Said()
    socket.received(bytes(640))
    socket.received('{"action": "clear"}')
    socket.playout.close()
    assert socket.faults == []
    assert socket.playout.heard == pytest.approx(0.02)
    assert socket.events() == [{"event": "websocket:cleared"}]


def test_a_notification_comes_back_once_played(stage: VonageStage, bridge: Bridge) -> None:
    back: list[dict[str, Any]] = []

    def mark(ws: ServerConnection) -> None:
        ws.send(bytes(640))
        ws.send('{"action": "notify", "payload": {"mark": "m1"}}')
        for message in ws:
            event = json.loads(message) if isinstance(message, str) else {}
            if event.get("event") == "websocket:notify":
                back.append(event["payload"])
                return

    bridge.sockets = mark
    runs(call_on(stage, CallerAction.STAY), connect(bridge))
    assert back == [{"mark": "m1"}]


# ------------------------------------------------------------------ scenarios and settings


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda each: each.name)
def test_every_scenario_says_what_it_plays(scenario: Scenario[VonageStage]) -> None:
    assert scenario.description.endswith(".")
    assert len(scenario.description) < 130
    assert (scenario.reason is None) == (scenario.status != "ended")


def _details(bridge: Bridge) -> dict[str, Any]:
    return {
        "to": "14155550123",
        "from": "14155550001",
        "ncco": [connect(bridge)],
        "eventUrl": [f"{bridge.url}/phone"],
    }


@pytest.mark.parametrize(
    ("name", "phone", "media"),
    [
        ("answered-hangup", 4, 4),
        ("api-bypass", 4, 5),
        ("own-application", 0, 5),  # the owner keeps the phone leg's events
        ("shuffled", 4, 4),
        ("duplicated", 12, 15),
        ("rejected", 3, 0),
        ("canceled", 4, 0),
    ],
)
def test_a_scenario_is_played_to_its_verdict(
    bridge: Bridge, name: str, phone: int, media: int
) -> None:
    state = {"status": "ended", "endedReason": SCENARIOS[name].reason}
    bridge.api(state, details=_details(bridge))
    result = run(name, config(bridge), out=lambda line: None)
    assert result.ok, result.problems
    assert (len(bridge.to("/phone")), len(bridge.to("/socket"))) == (phone, media)
    for request in (*bridge.to("/phone"), *bridge.to("/socket")):
        VONAGE.signature.verify(request, ACCOUNT)


def test_shuffled_events_keep_their_own_times(bridge: Bridge) -> None:
    state = {"status": "ended", "endedReason": "customer-ended-call"}
    bridge.api(state, details=_details(bridge))
    run("shuffled", config(bridge), out=lambda line: None)
    came = statuses(bridge, "/phone")
    assert came != sorted(came, key=["started", "ringing", "answered", "completed"].index)
    documents = sorted(bridge.documents("/phone"), key=lambda each: str(each["timestamp"]))
    assert documents[-1]["status"] == "completed"


def test_details_without_ncco_are_a_problem(bridge: Bridge) -> None:
    bridge.api({"status": "queued"})
    result = run("never-arrives", config(bridge, timeout=0), out=lambda line: None)
    assert not result.ok
    assert "without phoneCallProviderDetails.ncco" in result.problems[0]


def test_unknown_scenario(bridge: Bridge) -> None:
    with pytest.raises(SimulatorError, match="no scenario 'x'; there are inbound, "):
        run("x", config(bridge))


def test_configuration_from_the_bridges_variables() -> None:
    environ = {
        "API_KEY": "k",
        "PUBLIC_URL": "https://b.example",
        "VONAGE_API_KEY": KEY,
        "VONAGE_SIGNATURE_SECRET": "new, old",
        "VONAGE_PHONE_NUMBER": "+14155550001",
        "VONAGE_APPLICATION_ID": APPLICATION,
        "VONAGE_PRIVATE_KEY": "-----BEGIN\\nX",
    }
    found: VonageConfig = config_from_environment(environ, speed=0.5)
    assert (found.account_key, found.signature_secret) == (KEY, "new")
    assert (found.application_id, found.private_key) == (APPLICATION, "-----BEGIN\nX")
    assert "new" not in repr(found)
    del environ["VONAGE_API_KEY"]
    with pytest.raises(SimulatorError, match="VONAGE_API_KEY is not set"):
        config_from_environment(environ)
