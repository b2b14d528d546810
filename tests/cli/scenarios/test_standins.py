"""The stand-ins, asked as a bridge asks them: over HTTP and a websocket on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from app.cli.scenarios.caller import Piece, Spoken
from app.cli.scenarios.faults import Needs
from app.cli.scenarios.loading import load
from app.cli.scenarios.script import Script
from app.cli.scenarios.scripted_transcriber import Recogniser
from app.cli.scenarios.standins import StandIns
from providers.common.audio import interleave
from providers.simulation.config import SimulatorConfig
from providers.simulation.script import TakenTurn, Turn
from providers.simulation.stage import Stage
from tests.cli.scenarios.files import RATE, scenario, silence, tone, written

REST = """
      - fault: {name: model_failing, turns: 1}
      - user: Again.
        replies: Again.
      - user: And again.
        replies:
          - calls: [{name: book, args: {day: Monday}}]
          - Booked.
    tools:
      book: {result: {table: 4}}
      fail: {error: We are full.}
      break: {status: 503}
"""
NOWHERE = SimulatorConfig(bridge_url="http://localhost:1", api_key="", number="", return_url="")
USER, CALLED = {"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{}]}


@pytest.fixture(scope="module")
def standins() -> Iterator[StandIns]:
    with StandIns() as running:
        yield running


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """The call, before the caller's first turn."""
    sounds = {1: Spoken(b"", (Piece("A table,", 0.5), Piece("please.", 1.5)))}
    return Script(scenario(tmp_path, rest=REST).scenario, sounds, Stage(NOWHERE, lambda line: None))


def take(script: Script, number: int, ended: float | None = None) -> None:
    assert script.stage is not None
    script.stage.taken.append(TakenTurn(Turn(number=number), 0.0, 0.0, ended))


def ask(standins: StandIns, script: Script, part: str, body: Any) -> tuple[int, bytes]:
    url = f"{standins.base('call', script)}/{part}"
    answer = urllib3.request("POST", url, json=body, retries=False, timeout=10)
    return answer.status, answer.data


def said(standins: StandIns, script: Script, *messages: Any) -> tuple[str, list[Any]]:
    """The model's words and tool calls."""
    body = {"stream": True, "model": "m", "messages": messages}
    _, answer = ask(standins, script, "model/chat/completions", body)
    lines = [line.removeprefix("data: ") for line in answer.decode().split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    deltas = [choice["delta"] for line in lines[:-1] for choice in json.loads(line)["choices"]]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", ())]
    return "".join(delta.get("content") or "" for delta in deltas).strip(), calls


def test_the_model_answers_as_the_turn_says(standins: StandIns, script: Script) -> None:
    take(script, 1)
    assert said(standins, script, USER) == ("One table.", [])
    take(script, 3)
    assert script.fault(Needs.MODEL) == ("failing", 3.0)
    assert ask(standins, script, "model/chat/completions", {"stream": True})[0] == 500
    take(script, 4)
    assert script.fault(Needs.MODEL) is None
    call = {"name": "book", "arguments": '{"day": "Monday"}'}
    assert said(standins, script, USER) == ("", [call])
    before = (USER, CALLED, {"role": "tool"})  # of an earlier turn
    assert said(standins, script, *before, USER) == ("", [call])
    assert said(standins, script, USER, CALLED, {"role": "tool"}) == ("Booked.", [])
    assert said(standins, script, USER, CALLED, {"role": "tool"}, CALLED) == ("", [])
    assert script.problems == []


def test_a_turn_without_replies_is_a_problem(standins: StandIns, script: Script) -> None:
    assert said(standins, script, USER) == ("", [])
    assert script.problems == ["the model was asked in turn 0, which has no replies"]


def test_a_question_after_the_call_has_a_whole_answer(standins: StandIns, script: Script) -> None:
    status, answer = ask(standins, script, "model/chat/completions", {"messages": [USER]})
    assert status == 200
    assert json.loads(answer)["choices"][0]["message"]["content"]


def test_tools_are_answered_and_messages_are_kept(standins: StandIns, script: Script) -> None:
    def told(name: str) -> Any:
        call = {"id": name, "function": {"name": name, "arguments": {"day": "Monday"}}}
        return {"message": {"type": "tool-calls", "toolCallList": [call]}}

    _, answer = ask(standins, script, "server", told("book"))
    (result,) = json.loads(answer)["results"]
    assert result == {"toolCallId": "book", "name": "book", "result": '{"table": 4}'}
    _, answer = ask(standins, script, "server", told("fail"))
    assert json.loads(answer)["results"][0]["error"] == "We are full."
    assert ask(standins, script, "server", told("break"))[0] == 503
    ask(standins, script, "server", told("other"))
    assert script.problems == ["tools has no answer for other, which was called"]
    ask(standins, script, "server", {"message": {"type": "end-of-call-report", "x": 1}})
    assert script.await_report(0) == {"type": "end-of-call-report", "x": 1}
    assert [name for _, name, _ in script.tool_calls()] == ["book", "fail", "break", "other"]


def test_an_unknown_path(standins: StandIns, script: Script) -> None:
    assert ask(standins, script, "nothing", {})[0] == 404


# ------------------------------------------------------------------ the transcriber


def test_words_are_final_once_they_are_said_and_it_is_quiet(script: Script) -> None:
    recogniser = Recogniser(script, RATE)
    take(script, 1)
    assert list(recogniser.feed(tone(0.3))) == [("A", False)]
    assert list(recogniser.feed(silence(0.4))) == []  # a pause inside the words
    assert script.stage is not None
    script.stage.tape.rate = RATE
    script.stage.tape.add(silence(0.6), silence(0.6))
    assert list(recogniser.feed(silence(0.2))) == [("A table,", True)]
    list(recogniser.feed(tone(0.3)))
    script.stage.taken[0].ended = 1.6
    assert list(recogniser.feed(silence(0.3))) == [("please.", True)]
    assert list(recogniser.feed(silence(1))) == []


def test_noise_is_no_word(script: Script) -> None:
    recogniser = Recogniser(script, RATE)
    take(script, 0, ended=1.0)
    assert list(recogniser.feed(tone(1) + silence(1))) == []


def socket(standins: StandIns, script: Script) -> ClientConnection:
    url = standins.base("heard", script).replace("http", "ws", 1)
    return connect(f"{url}/transcriber", proxy=None)


def test_the_transcribers_protocol(standins: StandIns, script: Script) -> None:
    take(script, 1)
    with socket(standins, script) as ws:
        ws.send(json.dumps({"type": "start", "sampleRate": RATE, "channels": 2}))
        pcm = tone(0.3)
        ws.send(interleave(pcm, bytes(len(pcm))))
        first = json.loads(ws.recv(5))
        assert script.stage is not None
        script.stage.taken[0].ended = 1.5
        ws.send(interleave(silence(0.3), pcm))  # the assistant's channel does not count
        last = json.loads(ws.recv(5))
    assert (first["transcription"], first["transcriptType"]) == ("A", "partial")
    assert last == {
        "type": "transcriber-response",
        "transcription": "A table, please.",
        "channel": "customer",
        "transcriptType": "final",
    }


def test_a_transcriber_that_fails(standins: StandIns, tmp_path: Path) -> None:
    loaded = scenario(tmp_path, rest="      - fault: transcriber_failing\n      - user: Hi.\n")
    script = Script(loaded.scenario, {}, Stage(NOWHERE, lambda line: None))
    with socket(standins, script) as ws:
        ws.send(json.dumps({"type": "start", "sampleRate": RATE, "channels": 2}))
        take(script, 3)
        pcm = tone(0.3)
        ws.send(interleave(pcm, pcm))
        with pytest.raises(ConnectionClosed):
            ws.recv(5)
    with pytest.raises(InvalidHandshake):
        socket(standins, script)


def test_a_fault_in_front_of_all_turns_is_there_from_the_greeting_on(tmp_path: Path) -> None:
    text = """
        name: talk
        scenarios:
          - name: one
            carrier: twilio
            assistant: {}
            turns: [{fault: {name: model_slow, ms: 500, turns: 1}}, {user: Hi.}, {user: Again.}]
    """
    (loaded,) = load([str(written(tmp_path, text))])
    script = Script(loaded.scenario, {}, Stage(NOWHERE, lambda line: None))
    assert script.fault(Needs.MODEL) == ("slow", 0.5)
    take(script, 1)
    assert script.fault(Needs.MODEL) == ("slow", 0.5)
    assert script.fault(Needs.VOICE) is None
    take(script, 2)
    assert script.fault(Needs.MODEL) is None
