"""JUnit's XML and the page of results."""

from __future__ import annotations

import wave
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.cli.scenarios import junit, report
from app.cli.scenarios.findings import Findings
from app.cli.scenarios.results import Outcome, Verdict
from tests.cli.scenarios.files import played, scenario


@pytest.fixture
def outcomes(tmp_path: Path) -> list[Outcome]:
    loaded = scenario(tmp_path)
    call = played(loaded)
    found = [
        Findings(),
        Findings(["turn 1: is < and \x00", "another"], ["not asked"]),
        Findings([], ["turn 1: no judge"]),
    ]
    return [Outcome(loaded, each, call) for each in found]


def test_verdicts(outcomes: list[Outcome]) -> None:
    assert [each.verdict for each in outcomes] == list(Verdict)


def test_junit(outcomes: list[Outcome]) -> None:
    root = ElementTree.fromstring(junit.xml(outcomes))
    (suite,) = root
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
    }
    passed, failed, skipped = suite
    assert (passed.get("classname"), passed.get("name")) == ("talk", "one")
    assert passed.findtext("system-out", "").startswith("bot: Hello.")
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "turn 1: is < and \ufffd"
    assert failure.text == "turn 1: is < and \ufffd\nanother"
    why = skipped.find("skipped")
    assert why is not None
    assert why.get("message") == "turn 1: no judge"


def test_the_page_has_the_calls_to_listen_to(outcomes: list[Outcome], tmp_path: Path) -> None:
    page = report.write(outcomes, tmp_path / "report").read_text()
    assert "1 passed, 1 failed, 1 skipped" in page
    assert "turn 1: is &lt; and" in page
    assert "<td>Caller</td><td>A table, please.</td>" in page
    assert 'src="talk-one.wav"' in page
    with wave.open(str(tmp_path / "report" / "talk-one.wav")) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
    assert "http://" not in page
    assert "https://" not in page
