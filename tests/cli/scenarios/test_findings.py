"""Whether a call was what its scenario expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.scenarios.findings import NotJudged, examine
from app.cli.scenarios.judge import verdict
from app.cli.scenarios.play import Played
from app.cli.scenarios.script import Message
from providers.simulation.script import TakenTurn, Turn
from tests.cli.scenarios.files import (
    ANSWERED,
    ASKED,
    GREETED,
    START,
    played,
    said,
    scenario,
    tool_call,
)

BOOKED = tool_call("book", {"day": "Monday", "people": 2}, 3.4)


def silent_judge(criterion: str, text: str) -> str:
    raise NotJudged("there is no account")


def failures(call: Played) -> list[str]:
    return examine(call, silent_judge).failures


@pytest.mark.parametrize(
    "expect",
    [
        "{event: response, text_contains: one TABLE, within_ms: 850}",
        "{event: response, text_excludes: chair, text_matches: '^one .*e.$'}",
        "{event: user_transcription, text_contains: [a table, please]}",
        "{event: function_call, calls: [{name: book, args: {day: Monday}}], within_ms: 500}",
        "{event: bot_interrupted, absent: true}",
    ],
)
def test_what_is_as_expected(expect: str, tmp_path: Path) -> None:
    call = played(scenario(tmp_path, f"          - {expect}\n"), server=[BOOKED])
    found = examine(call, silent_judge)
    assert found.failures == []
    assert found.latencies == [pytest.approx(800, abs=15)]


@pytest.mark.parametrize(
    ("expect", "sentence"),
    [
        (
            "{event: response, text_contains: chair}",
            "turn 1, response: 'One table.' does not contain",
        ),
        ("{event: response, text_excludes: table}", "contains 'table'"),
        ("{event: response, text_matches: ^table}", "does not match"),
        ("{event: response, within_ms: 700}", "turn 1, response: came after 8"),
        ("{event: response, absent: true}", "to be absent"),
        ("bot_interrupted", "turn 1, bot_interrupted: did not come"),
        ("{event: function_call, calls: [{name: book, args: {day: Sunday}}]}", "was not called"),
        ("{event: function_call, calls: [book, book]}", "book({}) was not called"),
    ],
)
def test_what_is_not(expect: str, sentence: str, tmp_path: Path) -> None:
    call = played(scenario(tmp_path, f"          - {expect}\n"), server=[BOOKED])
    (failure,) = failures(call)
    assert sentence in failure


def test_words_belong_to_the_turn_before_them(tmp_path: Path) -> None:
    loaded = scenario(tmp_path, "          - {event: response, text_contains: Hello}\n")
    assert len(failures(played(loaded))) == 1


def test_an_answer_that_did_not_come(tmp_path: Path) -> None:
    (failure,) = failures(played(scenario(tmp_path), GREETED, ASKED))
    assert failure == "turn 1, response: did not come"


def test_an_interruption(tmp_path: Path) -> None:
    loaded = scenario(tmp_path, "          - {event: bot_interrupted, within_ms: 400}\n")
    cut = said("bot", "Hello and", 0.2, interrupted=True)
    over = ((0.2, 2.3), (3.8, 5.0))
    assert failures(played(loaded, cut, ASKED, ANSWERED, heard=over)) == []
    late = ((0.2, 2.9), (3.8, 5.0))
    assert "came after" in failures(played(loaded, cut, ASKED, ANSWERED, heard=late))[0]
    assert "did not come" in failures(played(loaded, GREETED, ASKED, ANSWERED, heard=over))[0]


def test_words_of_a_server_whose_clock_is_wrong(tmp_path: Path) -> None:
    """It is a minute slow."""
    loaded = scenario(tmp_path, "          - {event: response, text_contains: One table}\n")
    body = {"type": "status-update", "timestamp": (START + 6 - 60) * 1000}
    slow = [dict(each, time=each["time"] - 60_000) for each in (GREETED, ASKED, ANSWERED)]
    assert failures(played(loaded, *slow, server=[Message(START + 6, body)])) == []
    assert len(failures(played(loaded, *slow))) == 1


def test_silence_is_answered_from_its_begin(tmp_path: Path) -> None:
    def quiet(call: Played) -> None:
        call.taken = [TakenTurn(Turn(answered=False, number=1), START + 2, 2.0, 6.0)]

    loaded = scenario(tmp_path, "          - {event: response, within_ms: 1850}\n")
    assert failures(played(loaded, change=quiet)) == []


def test_a_turn_that_the_call_did_not_reach(tmp_path: Path) -> None:
    def never(call: Played) -> None:
        call.taken = []

    (failure,) = failures(played(scenario(tmp_path), change=never))
    assert failure == "turn 1, response: the call ended before this turn"


CALL = """
    expect:
      endedReason: [assistant-ended-call, silence-timed-out]
      serverMessages: [status-update, end-of-call-report]
      text_contains: chair
      calls: [cancel]
      interruptions: 2
      within_ms: 100
      cost: {min: 0.5}
      recording: {min_seconds: 3}
"""


def test_what_the_whole_call_was_not(tmp_path: Path) -> None:
    report = Message(START + 9, {"type": "end-of-call-report"})
    found = failures(played(scenario(tmp_path, rest=CALL), server=[report]))
    parts = [each.partition(":")[0] for each in found]
    assert parts == [
        *("endedReason", "serverMessages", "transcript", "calls", "interruptions"),
        *("answer 1", "cost", "recording"),
    ]
    assert "is customer-ended-call, not assistant-ended-call or silence-timed-out" in found[0]
    assert "no status-update came; end-of-call-report did" in found[1]


def test_problems_of_the_call_come_first(tmp_path: Path) -> None:
    def broken(call: Played) -> None:
        call.problems.append("the bridge answered 500")

    found = failures(played(scenario(tmp_path), change=broken))
    assert found == ["the bridge answered 500"]


def test_without_a_judge_the_scenario_is_skipped_and_says_so(tmp_path: Path) -> None:
    loaded = scenario(tmp_path, "          - {event: response, eval: it is polite}\n")
    found = examine(played(loaded), silent_judge)
    assert found.failures == []
    assert found.skipped == ["turn 1, response: eval 'it is polite': there is no account"]


def test_a_judge_decides(tmp_path: Path) -> None:
    loaded = scenario(tmp_path, "          - {event: response, eval: it is polite}\n")
    asked = list[tuple[str, str]]()

    def judge(criterion: str, text: str) -> str:
        asked.append((criterion, text))
        return "it is curt"

    assert examine(played(loaded), judge).failures == [
        "turn 1, response: eval 'it is polite': it is curt"
    ]
    assert asked == [("it is polite", "One table.")]


def test_verdicts() -> None:
    assert verdict('Sure: {"met": true, "reason": "x"}') == ""
    assert verdict('{"met": false, "reason": "it is curt"}') == "it is curt"
    for nothing in ("yes", '{"met": "yes"}', "{}"):
        with pytest.raises(NotJudged):
            verdict(nothing)
