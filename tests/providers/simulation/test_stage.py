"""What the simulators share: what is sent, what is written down, and the verdict."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from providers.simulation.bridge import digits
from providers.simulation.config import SimulatorConfig, common_settings, setting
from providers.simulation.media_socket import Playout, tone
from providers.simulation.scenario import Scenario, expecting, named, play, table, unchanged
from providers.simulation.scenarios import scenarios
from providers.simulation.stage import Stage
from providers.simulation.timeline import (
    FaultInjector,
    HttpClient,
    Response,
    SimulatorError,
    Timeline,
    extended,
    origin,
)
from providers.twilio.simulator.scenarios import PLAYS
from tests.fakes.bridge import CALL_ID, Bridge, said, standing_in

ENDED = {"status": "ended", "endedReason": "customer-busy"}
PATIENCE = 30
"""Seconds; only ever reached by a failure."""


class AnyStage(Stage):
    carrier = "twilio"


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        bridge.api(ENDED)
        yield bridge


def config(bridge: Bridge, **changes: Any) -> SimulatorConfig:
    values: dict[str, Any] = {
        "bridge_url": bridge.url,
        "api_key": "the-key",
        "number": "+14155550001",
        "return_url": "https://owner.example/flow",
        "timeout": PATIENCE,
    }
    return SimulatorConfig(**(values | changes))


@pytest.fixture
def stage(bridge: Bridge) -> Iterator[Stage]:
    with AnyStage(config(bridge), out=lambda line: None) as stage:
        stage.call_id = CALL_ID
        yield stage


def scenario(plot: Callable[[Stage], object], **changes: Any) -> Scenario[Stage]:
    values = {"name": "any", "description": "Any.", "reason": "customer-busy"}
    return Scenario(play=plot, **(values | changes))


# ------------------------------------------------------------------ what is written down


def test_a_line_is_printed_as_it_happens() -> None:
    printed: list[str] = []
    timeline = Timeline(printed.append)
    timeline.add("twilio -> bridge", "POST /twilio/status ringing  204")
    assert printed == timeline.lines
    assert re.fullmatch(
        r"\+\d+\.\d{3} s  twilio -> bridge    POST /twilio/status ringing  204", printed[0]
    )


def test_a_request_is_written_down_with_its_answer(stage: Stage, bridge: Bridge) -> None:
    stage.wire.send("a -> b", "POST", f"{bridge.url}/x?secret=1", {}, b"y", label="ringing")
    assert stage.timeline.lines[-1].endswith("a -> b              POST /x ringing  204")


# ------------------------------------------------------------------ the wire


@pytest.mark.parametrize(
    "url",
    [
        "https://webhooks.twilio.com/v1/Accounts",  # the real carrier
        "http://127.0.0.1:1/x",  # another port
        "https://127.0.0.1/x",  # another scheme
        "//elsewhere/x",  # no scheme at all
    ],
)
def test_nobody_but_the_bridge_is_called(stage: Stage, url: str) -> None:
    with pytest.raises(SimulatorError, match="PUBLIC_URL"):
        stage.wire.send("a -> b", "GET", url, {})


def test_no_answer_is_an_answer_too(stage: Stage, bridge: Bridge) -> None:
    with standing_in() as gone:
        url = gone.url
    stage.wire.allow(url)
    response = stage.wire.send("a -> b", "GET", f"{url}/x", {})
    assert (response.status, response.fault) == (0, "no answer (NewConnectionError)")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Host:8000/Path", "http://host:8000"),  # in lower case
        ("https://user:key@host/path", "https://host"),  # userinfo is no part of it
        ("nonsense", "://"),  # nobody's
    ],
)
def test_origin(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/p", "http://h/p?a=1"),  # a query begins
        ("http://h/p?b=2", "http://h/p?b=2&a=1"),  # a query goes on
    ],
)
def test_extended(url: str, expected: str) -> None:
    assert extended(url, {"a": "1"}) == expected
    assert extended(url, {}) == url


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(SimulatorError, match="not JSON: '<html>'"):
        Response(200, b"<html>").json()


# ------------------------------------------------------------------ callbacks on their way


@pytest.fixture
def courier() -> Iterator[FaultInjector]:
    courier = FaultInjector()
    yield courier
    courier.close()


def test_callbacks_keep_their_order(courier: FaultInjector) -> None:
    sent: list[int] = []
    for number in range(20):
        courier.post(partial(_note, sent, number))
    courier.flush()
    assert sent == list(range(20))


def test_copies_travel_at_the_same_time(courier: FaultInjector) -> None:
    courier.copies = 3
    together = threading.Barrier(3, timeout=PATIENCE)

    def send() -> Response:
        together.wait()  # breaks unless all three are under way
        return Response(200, b"")

    assert courier.ask(send).status == 200


def test_held_callbacks_come_later_in_an_order_the_seed_decides(courier: FaultInjector) -> None:
    orders = []
    for seed in (1, 1, 2):
        sent: list[int] = []
        courier.hold()
        for number in range(10):
            courier.post(partial(_note, sent, number))
        courier.flush()
        assert sent == []
        courier.release(Random(seed))
        courier.flush()
        orders.append(sent)
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == list(range(10))


def test_what_goes_wrong_on_the_way_is_told(courier: FaultInjector) -> None:
    def send() -> Response:
        raise SimulatorError("lost")

    courier.post(send)
    with pytest.raises(SimulatorError, match="lost"):
        courier.flush()


@pytest.mark.parametrize("status", [0, 302, 403, 503])
def test_a_callback_that_is_not_accepted_is_a_problem(stage: Stage, status: int) -> None:
    for answer in (204, status):
        stage.courier.post(partial(Response, answer, b""))
    stage.flush()
    assert stage.problems == [f"a callback was answered {status or 'not at all'}"]


def test_after_the_end_nothing_is_sent(courier: FaultInjector) -> None:
    sent: list[int] = []
    courier.close()
    courier.post(partial(_note, sent, 1))
    assert sent == []


def _note(sent: list[int], number: int) -> Response:
    sent.append(number)
    return Response(204, b"")


# ------------------------------------------------------------------ the bridge's public API


def test_a_call_is_created_as_real_clients_do(stage: Stage, bridge: Bridge) -> None:
    call = stage.bridge.create_call("twilio", phoneCallProviderReturnUrl="https://o.example")
    assert call["id"] == CALL_ID
    [request] = bridge.to("/call")
    assert request.header("authorization") == "Bearer the-key"
    assert bridge.documents("/call") == [
        {
            "phoneNumberId": "pn-1",
            "phoneCallProviderBypassEnabled": True,
            "customer": {"number": "+14155550123"},
            "assistantId": "as-1",
            "phoneCallProviderReturnUrl": "https://o.example",
        }
    ]


def test_who_cannot_send_headers_uses_a_basic_password(stage: Stage, bridge: Bridge) -> None:
    stage.bridge.create_call("twilio", basic=True)
    scheme, _, value = (bridge.to("/call")[0].header("authorization") or "").partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(value).partition(b":")[2] == b"the-key"


def test_an_assistant_that_repeats_is_made_where_there_is_none(
    stage: Stage, bridge: Bridge
) -> None:
    bridge.answers["/assistant"] = [said([{"id": "x", "name": "Other"}]), said({"id": "new"}, 201)]
    assert stage.bridge.assistant_id() == "new"
    assert bridge.to("/assistant")[1].body == (
        b'{"name": "Simulated assistant", "transport": {"provider": "echo"}}'
    )


def test_an_assistant_that_is_named_is_used(bridge: Bridge) -> None:
    with AnyStage(config(bridge, assistant_id="mine"), out=lambda line: None) as stage:
        assert stage.bridge.assistant_id() == "mine"
    assert bridge.requests == []


def test_a_refusal_says_what_the_bridge_said(stage: Stage, bridge: Bridge) -> None:
    bridge.answers["/call"] = [said({"message": "Invalid Key"}, 401)]
    with pytest.raises(SimulatorError, match=r"POST .*/call: 401 .*Invalid Key"):
        stage.bridge.create_call("twilio")


def test_a_number_the_bridge_does_not_have(stage: Stage, bridge: Bridge) -> None:
    bridge.answers["/phone-number"] = [said([])]
    with pytest.raises(SimulatorError, match=r"no twilio phone number \+14155550001"):
        stage.bridge.phone_number_id("twilio")


def test_waits_for_the_outcome_and_tells_each_change(stage: Stage, bridge: Bridge) -> None:
    bridge.api({"status": "queued"}, {"status": "ringing"}, {"status": "ringing"}, ENDED)
    call = stage.bridge.await_outcome(CALL_ID, ("ended", "customer-busy"))
    assert call["status"] == "ended"
    told = [line.partition("call is ")[2] for line in stage.timeline.lines]
    assert told == ["queued", "ringing", "ended, customer-busy"]


def test_does_not_wait_for_ever(bridge: Bridge) -> None:
    with AnyStage(config(bridge, timeout=0), out=lambda line: None) as stage:
        call = stage.bridge.await_outcome(CALL_ID, ("ended", "voicemail"))
    assert call["endedReason"] == "customer-busy"


@pytest.mark.parametrize(
    ("number", "expected"),
    [("+1 (415) 555-0001", "14155550001"), (None, ""), ("anonymous", "")],
)
def test_digits(number: str | None, expected: str) -> None:
    assert digits(number) == expected


def test_a_call_that_has_ended_otherwise_is_not_waited_for(bridge: Bridge) -> None:
    """The end counts once it is settled: until then its reason may change."""
    events = [[{"kind": "leg.ended"}], [{"kind": "leg.ended"}, {"kind": "call.settled"}]]
    bridge.api(ENDED)
    bridge.answers[f"/call/{CALL_ID}/events"] = [said(each) for each in events]
    with AnyStage(config(bridge, timeout=60), out=lambda line: None) as stage:
        call = stage.bridge.await_outcome(CALL_ID, ("ended", "voicemail"))
    assert call["endedReason"] == "customer-busy"
    assert len(bridge.to(f"/call/{CALL_ID}/events")) == 2


# ------------------------------------------------------------------ the verdict


@pytest.mark.parametrize(
    ("left", "reason", "ok"),
    [
        (True, "customer-ended-call", True),
        (True, "assistant-ended-call", False),
        (False, "assistant-ended-call", True),
        (False, "silence-timed-out", True),
        (False, "customer-ended-call", False),
        (False, "assistant-error", False),
    ],
)
def test_either_side_may_end_an_own_conversation(
    bridge: Bridge, left: bool, reason: str, ok: bool
) -> None:
    """A caller who has hung up returns to no flow."""
    bridge.api({**ENDED, "endedReason": reason, "endedMessage": "why it ended"})
    with AnyStage(config(bridge, timeout=0, either_ends=True), out=lambda line: None) as stage:
        stage.call_id = CALL_ID
        stage.left = left
        stage.returned = {} if left else {"a": "1"}
        own = expecting(scenario(lambda stage: None, returned={"a": "1"}), stage.config)
        result = play(own, stage)
    assert result.ok is ok
    assert ("as expected" in result.sentence) is ok
    assert ("WRONG (expected ended, " in result.sentence) is not ok
    assert result.timeline[-1].endswith("endedMessage: why it ended")


def test_what_was_odd_is_said_at_the_end(stage: Stage) -> None:
    result = play(scenario(lambda stage: stage.problem("odd")), stage)
    assert result.sentence == "ended, customer-busy: WRONG (odd)"


def test_what_comes_out_as_expected_is_ok(stage: Stage) -> None:
    result = play(scenario(lambda stage: stage.took_back({"a": "1"}), returned={"a": "1"}), stage)
    assert result.ok
    assert result.got == result.expected == ("ended", "customer-busy")
    assert result.returned == {"a": "1"}
    assert result.call["id"] == CALL_ID
    assert result.timeline[-1].endswith("any: ended, customer-busy: ok")


def _fail(stage: Stage) -> None:
    raise SimulatorError("it broke")


@pytest.mark.parametrize(
    ("plot", "changes", "problem"),
    [
        (lambda stage: None, {"reason": "voicemail"}, None),  # another reason
        (lambda stage: None, {"status": "queued", "reason": None}, None),  # another status
        (lambda stage: stage.problem("odd"), {}, "odd"),  # right, but something was odd
        (lambda stage: None, {"returned": {"a": "1"}}, "the flow was not told a=1"),
        (_fail, {}, "it broke"),  # could not be played
        (lambda stage: setattr(stage, "call_id", None), {}, "no document named its call"),
    ],
)
def test_what_does_not_is_not(
    bridge: Bridge, plot: Callable[[Stage], object], changes: dict[str, Any], problem: str | None
) -> None:
    with AnyStage(config(bridge, timeout=0), out=lambda line: None) as stage:
        stage.call_id = CALL_ID
        result = play(scenario(plot, **changes), stage)
    assert not result.ok
    assert "NOT OK, expected" in result.timeline[-1]
    assert [each for each in result.problems if problem and problem in each] or problem is None


def test_a_spawned_call_that_breaks_is_a_problem(stage: Stage) -> None:
    stage.spawn(partial(_fail, stage))
    stage.join()
    assert stage.problems == ["it broke"]


def test_a_late_word_that_changes_something_is_a_problem(stage: Stage, bridge: Bridge) -> None:
    bridge.api(ENDED, {**ENDED, "endedReason": "voicemail"})
    unchanged(stage, ("ended", "customer-busy"), lambda: None)
    assert stage.problems == ["endedReason was customer-busy, and became voicemail"]


def test_a_late_word_that_changes_nothing_is_none(stage: Stage) -> None:
    unchanged(stage, ("ended", "customer-busy"), lambda: None)
    assert stage.problems == []


def test_scenarios_by_name() -> None:
    known = table(scenario(_fail))
    assert named(known, "any").description == "Any."
    with pytest.raises(SimulatorError, match="no scenario 'other'; there are any"):
        named(known, "other")


def test_a_carriers_own_scenario_stands_behind_a_shared_one() -> None:
    own = scenario(_fail, name="own")
    names = list(scenarios(PLAYS, {"busy": [own]}))
    assert names[names.index("busy") + 1] == "own"
    assert len(names) == len(scenarios(PLAYS, {})) + 1
    with pytest.raises(ValueError, match="no shared scenario is named nowhere"):
        scenarios(PLAYS, {"nowhere": [own]})


# ------------------------------------------------------------------ settings


def test_settings_are_the_bridges_own(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("from-file\n")
    found = common_settings({"PORT": "9000", "API_KEY_FILE": str(path)})
    none = {"upstream_url": "", "upstream_key": "", "model_port": 0}
    assert found == {"bridge_url": "http://localhost:9000", "api_key": "from-file", **none}
    found = common_settings({"PUBLIC_URL": "https://b.example/", "API_KEY": "k"})
    assert found == {"bridge_url": "https://b.example", "api_key": "k", **none}
    found = common_settings(
        {
            "API_KEY": "k",
            "VAPI_BASE_URL": "https://v.example/",
            "VAPI_API_KEY": "v",
            "OPENAI_BASE_URL": "http://127.0.0.1:9001/v1",
        }
    )
    assert (found["upstream_url"], found["upstream_key"]) == ("https://v.example", "v")
    assert found["model_port"] == 9001


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "API_KEY is not set"),
        ({"API_KEY": "  "}, "API_KEY is not set"),
        ({"API_KEY_FILE": "nowhere/at/all"}, "API_KEY_FILE cannot be read"),
    ],
)
def test_a_missing_setting_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        setting(environ, "API_KEY")


# ------------------------------------------------------------------ sound


def test_a_tone_goes_on_from_frame_to_frame() -> None:
    first, second = tone(0, 8000), tone(1, 8000)
    assert (len(first), len(tone(0, 16000))) == (320, 640)
    assert first[:2] == b"\0\0"
    assert first != second


class Marks:
    """Marks as they come back."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._changed = threading.Condition()

    def note(self, mark: str) -> None:
        with self._changed:
            self.seen.append(mark)
            self._changed.notify_all()

    def wait(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, PATIENCE)
            return self.seen


def test_marks_come_back_in_order_once_the_sound_before_them_is_played() -> None:
    marks = Marks()
    playout = Playout(speed=0, on_mark=marks.note)
    playout.sound(10)
    playout.mark("first")
    playout.sound(10)
    playout.mark("second")
    assert marks.wait(2) == ["first", "second"]
    assert playout.heard == 20
    playout.close()


def test_a_mark_waits_for_the_sound_and_is_freed_by_clear() -> None:
    marks = Marks()
    playout = Playout(speed=1, on_mark=marks.note)
    playout.mark("before")
    playout.sound(3600)
    playout.mark("after")
    assert marks.wait(1) == ["before"]
    playout.clear()
    assert marks.wait(2) == ["before", "after"]
    playout.close()


def test_nothing_is_heard_of_a_closed_socket() -> None:
    playout = Playout(speed=1, on_mark=lambda mark: None)
    playout.close()
    assert not playout.wait_heard(PATIENCE)


def test_the_wire_has_no_callers_of_its_own() -> None:
    wire = HttpClient(Timeline(lambda line: None))
    assert not wire.knows("http://127.0.0.1/")
    wire.allow("http://127.0.0.1/x")
    assert wire.knows("http://127.0.0.1/y")
