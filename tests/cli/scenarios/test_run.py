"""Whole runs of ``patchbay test``: a bridge in processes of its own, both carriers, real speech."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import MagicMock, Mock
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.cli.processes import children
from app.cli.scenarios import run
from app.cli.scenarios.bridge import OwnBridge, inherited
from app.cli.scenarios.loading import load
from tests.cli.scenarios.files import written

pytestmark = pytest.mark.any_store  # the subject: speech and stand-ins

TALK = """
name: whole
scenarios:
  - name: tool
    carrier: twilio
    way: studio
    assistant:
      firstMessage: Hello.
      startSpeakingPlan: {waitSeconds: 0.2}
      model:
        provider: openai
        model: gpt-4o
        tools: [{type: function, function: {name: book, parameters: {type: object, properties: {day: {type: string}}}}}]
    tools: {book: Table four.}
    turns:
      - expect: [{event: response, text_contains: hello}]
      - user: A table on Monday.
        replies: [{calls: [{name: book, args: {day: Monday}}]}, Yours.]
        expect:
          - {event: user_transcription, text_contains: a table on monday}
          - {event: function_call, calls: [{name: book, args: {day: Monday}}]}
          - {event: response, text_contains: yours, within_ms: 60000}
          - {event: response, text_contains: something else}
    expect:
      endedReason: customer-ended-call
      serverMessages: [status-update, tool-calls, end-of-call-report]
      recording: {min_seconds: 1}
  - name: keys
    carrier: vonage
    way: bypass
    model: own
    assistant: &menu
      firstMessage: Press a key.
      model: {provider: embedded, menu: {"1": {say: From nine to five.}}}
    turns:
      - expect: [response]
      - fault: socket_cut
      - dtmf: "1"
        expect: [{event: response, text_contains: nine to five}]
      - dtmf: "#"
    expect: {endedReason: assistant-ended-call, cost: {max: 1}}
"""
MENU = {
    "firstMessage": "Press a key.",
    "model": {"provider": "embedded", "menu": {"1": {"say": "From ten to five."}}},
}


@pytest.fixture(scope="module")
def bridge() -> Iterator[OwnBridge]:
    with OwnBridge() as running:
        yield running


def patchbay(bridge: OwnBridge, *words: str) -> Result:
    server = ("--url", bridge.api.url, "--key", bridge.environ["API_KEY"])
    return CliRunner().invoke(main, ["test", *server, *words], env=bridge.environ)


def ended(bridge: OwnBridge, carrier: str) -> str:
    """The id of the carrier's call."""
    calls: Sequence[dict[str, str]] = bridge.api.ask("GET", "/call")
    return next(each["id"] for each in calls if each["phoneCallProvider"] == carrier)


def test_scenarios_against_a_running_server(bridge: OwnBridge, tmp_path: Path) -> None:
    """Two calls, and then what is made of them: a scenario, and the same words once more."""
    written(tmp_path, TALK)
    files = ("--junit", str(tmp_path / "out/junit.xml"), "--report", str(tmp_path / "report"))
    done = patchbay(bridge, str(tmp_path / "talk.yaml"), *files)
    told = done.output.splitlines()
    assert done.exit_code == 1, done.output
    assert told[0].startswith("[1/2] FAILED  whole/tool  ")
    assert [line.strip() for line in told if "turn" in line] == [
        "turn 1, response: 'Yours.' does not contain 'something else'"
    ], done.output
    assert told[-1] == "1 passed, 1 failed, 0 skipped"
    suite = ElementTree.parse(tmp_path / "out/junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    with wave.open(str(tmp_path / "report/whole-tool.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() > 1
    assert bridge.api.ask("GET", "/assistant") == []

    assert "--assistant" in patchbay(bridge, "--record", ended(bridge, "twilio")).output
    menu = ("--assistant", str(written(tmp_path, json.dumps(MENU), "menu.json")))
    done = patchbay(bridge, "--record", ended(bridge, "twilio"), *menu)
    assert done.exit_code == 0, done.output
    (again,) = load([str(written(tmp_path, done.output, "again.yaml"))])
    assert [turn.words for turn in again.scenario.turns] == ["", "A table on Monday."]
    assert again.scenario.turns[1].replies[-1].text == "Yours."

    done = patchbay(bridge, "--replay", ended(bridge, "vonage"), *menu)
    assert "AI: From ten to five." in done.output
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].endswith(" lines differ")


def test_a_server_that_does_not_answer_or_is_not_named(tmp_path: Path) -> None:
    path = str(written(tmp_path, TALK))
    for words in (
        [path, "--url", "http://localhost:1"],
        ["--record", "x"],
        [],
        [path, "--replay", "x"],
    ):
        done = CliRunner().invoke(main, ["test", *words], env={"API_KEY": ""})
        assert done.exit_code == 2, words
        assert done.output.startswith("Error: ")


def test_nothing_is_played_where_the_bridge_does_not_start(tmp_path: Path) -> None:
    broken = TALK.replace("scenarios:", "settings: {DATABASE_URL: nonsense}\nscenarios:", 1)
    path = written(tmp_path, broken)
    done = CliRunner().invoke(main, ["test", str(path)])
    assert done.exit_code == 2
    assert "DATABASE_URL" in done.output


def test_a_bridge_of_the_tests_own_takes_over_accounts_of_vendors_only() -> None:
    environ = {
        "PATH": "/bin",
        "OPENAI_API_KEY": "key",
        "TWILIO_AUTH_TOKEN": "token",
        "RECORDINGS_URL": "s3://real",
        "SERVER_URL": "https://real.example",
        "DATABASE_URL": "postgresql://real",
    }
    assert inherited(environ) == {"PATH": "/bin", "OPENAI_API_KEY": "key"}


def test_the_worker_is_found_among_all_processes() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True) as master:
        while not (found := children(master.pid)):
            assert master.poll() is None
        os.killpg(master.pid, signal.SIGKILL)
    assert len(found) == 1


def test_an_error_of_its_own_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the thread of a job, and the command must not go on as if all was played."""
    broken = ValueError("of the test's own")
    monkeypatch.setattr(run, "play", Mock(side_effect=broken))
    monkeypatch.setattr(run, "OwnBridge", MagicMock())
    result = CliRunner().invoke(main, ["test", str(written(tmp_path, TALK))])
    assert (result.exit_code, repr(broken) in result.output) == (2, True), result.output
