"""Parts of a call's page: lines of its transcript, waits for answers, gaps between events."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.dashboard.latency import WIDTH, turns
from app.domain.dashboard.timeline import gap
from app.domain.dashboard.transcript import MOST, lines
from app.domain.dashboard.transfers import transfers
from providers.events import EventKind as E


def said(role: str, text: str, at: float, seconds: float) -> dict[str, Any]:
    begun = 1_700_000_000_000 + round(at * 1000)
    times = {"time": begun, "endTime": begun + round(seconds * 1000), "secondsFromStart": at}
    return {"role": role, "message": text, **times}


CALL = {
    "role": "tool_calls",
    "toolCalls": [{"function": {"name": "book", "arguments": '{"day": "1", "apiKey": "x"}'}}],
    "secondsFromStart": 4.0,
}
RESULT = {"role": "tool_call_result", "name": "book", "result": "not JSON", "secondsFromStart": 5}


def test_a_transcript_has_words_tools_and_interruptions() -> None:
    found = lines(
        [
            said("system", "You are kind.", 0, 0),
            said("bot", "Good morning, this is", 0.5, 3),
            said("user", "I want to book", 2.0, 1.5),
            CALL,
            RESULT,
            said("bot", "Done", 6, 1),
        ]
    )
    assert [(each.kind, each.interrupts) for each in found] == [
        ("assistant", False),
        ("caller", True),
        ("tool", False),
        ("tool", False),
        ("assistant", False),
    ]
    assert '"day": "1"' in found[2].detail
    assert '"x"' not in found[2].detail
    assert found[3].detail == "not JSON"
    assert found[1].until == 3.5


def test_a_transfer_has_what_was_said_with_the_operator() -> None:
    talked = {
        "destination": {"type": "number", "number": "+14155550188"},
        "mode": "warm-transfer-experimental",
        "status": "completed",
        "messages": [said("bot", "Can you take a call?", 0, 1), said("user", "Yes", 1, 1)],
    }
    tried = {"destination": {"type": "sip", "sipUri": "sip:desk@example.com"}, "mode": "blind"}
    first, second = transfers([talked, tried])
    assert (first.to, first.status) == ("+14155550188", "completed")
    assert [(each.who, each.text) for each in first.lines] == [
        ("Assistant", "Can you take a call?"),
        ("Operator", "Yes"),
    ]
    assert (second.to, second.status, second.lines) == ("sip:desk@example.com", "", [])


def test_a_transcript_is_bounded() -> None:
    assert len(lines([said("user", "again", 0, 1)] * (MOST + 5))) == MOST


def test_the_parts_of_a_wait_follow_each_other() -> None:
    measured = {
        "endpointingLatency": 300,
        "transcriberLatency": 100,
        "modelLatency": 400,
        "voiceLatency": 150,
    }
    metrics = {"turnLatencies": [{**measured, "turnLatency": 1000}, {"turnLatency": 500}]}
    first, second = turns(metrics)
    assert [each.milliseconds for each in first.bars] == [300, 100, 400, 150, 50]
    ends = [each.x + each.width for each in first.bars]
    assert [each.x for each in first.bars[1:]] == ends[:-1]
    assert ends[-1] == WIDTH
    assert second.bars[-1].width == WIDTH / 2
    assert turns({}) == []


def at(second: float, kind: E) -> dict[str, Any]:
    return {"kind": kind, "receivedAt": f"2026-01-05T10:00:{second:06.3f}+00:00"}


@pytest.mark.parametrize(
    ("meaning", "after", "seconds", "words"),
    [
        (E.LEG_FETCHED, E.MEDIA_CONNECTED, 1.9, ""),
        (E.LEG_FETCHED, E.MEDIA_CONNECTED, 5, "the caller waited for the assistant"),
        (E.MEDIA_CONNECTED, E.NOTE, 9, "caller and assistant talked"),
        (E.MEDIA_LOST, E.REATTACHED, 3, "the caller heard nothing"),
        (E.LEG_ENDED, E.SETTLED, 3, "a more specific reason"),
        (E.SETTLED, E.NOTE, 30, "the call was over"),
        (E.LEG_QUEUED, E.LEG_ENDED, 30, "nothing was reported"),
    ],
)
def test_a_gap_is_told_by_what_is_around_it(
    meaning: E, after: E, seconds: float, words: str
) -> None:
    found = gap(at(0, E.NOTE), meaning, at(seconds, after))
    assert words in found
    assert bool(found) == bool(words)
