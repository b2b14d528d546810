"""A scenario from a call, and two calls side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.cli.scenarios import recorded, side_by_side
from app.cli.scenarios.loading import load
from app.cli.scenarios.recorded import NotRecordable
from tests.cli.scenarios.files import call_of, said

CALLED = {
    "role": "tool_calls",
    "message": "",
    "toolCalls": [{"id": "1", "function": {"name": "book", "arguments": '{"day": "Monday"}'}}],
}
RESULT = {"role": "tool_call_result", "message": "", "name": "book", "result": '{"table": 4}'}
ASSISTANT = {"id": "as-1", "firstMessage": "Hello.", "server": {"url": "https://owner.example"}}
SAID = (
    said("system", "Be brief.", 0),
    said("bot", "Hello.", 0.2),
    said("user", "A table, please.", 2),
    CALLED,
    RESULT,
    said("bot", "Table four", 4, interrupted=True),
    said("user", "Wait,", 5.2),
    said("user", "for two.", 6.2),
    said("bot", "For two.", 7),
    said("user", "DTMF: 12#", 9),
)
FIELDS: dict[str, Any] = {"phoneCallProvider": "vonage", "type": "outboundPhoneCall"}


def test_a_scenario_of_a_call_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "call.yaml"
    path.write_text(recorded.text(call_of(*SAID, **FIELDS), ASSISTANT))
    (loaded,) = load([str(path)])
    assert (loaded.scenario.carrier, loaded.scenario.way) == ("vonage", "dialled")
    assert loaded.scenario.expect.endedReason == ["customer-ended-call"]


def test_what_becomes_of_a_calls_messages() -> None:
    made = recorded.scenario(call_of(*SAID, **FIELDS), ASSISTANT)
    assert made["assistant"] == {"firstMessage": "Hello."}
    assert made["tools"] == {"book": {"result": {"table": 4}}}
    call = {"name": "book", "args": {"day": "Monday"}}
    assert made["turns"] == [
        {"expect": [{"event": "response"}]},
        {
            "user": "A table, please.",
            "replies": [{"calls": [call]}, "Table four"],
            "expect": [{"event": "function_call", "calls": [call]}, {"event": "response"}],
        },
        {"user": "Wait,", "send_after": {"event": "bot_started_speaking", "delay_ms": 1200}},
        {
            "user": "for two.",
            "send_after": {"delay_ms": 500},
            "replies": ["For two."],
            "expect": [{"event": "response"}],
        },
        {"dtmf": "12#"},
    ]


@pytest.mark.parametrize(
    ("fields", "way"),
    [
        ({"type": "inboundPhoneCall"}, "number"),
        ({"type": "outboundPhoneCall", "phoneCallProviderBypassEnabled": True}, "bypass"),
        ({"type": "outboundPhoneCall"}, "dialled"),
    ],
)
def test_the_way_of_a_call(fields: dict[str, Any], way: str) -> None:
    assert recorded.way_of(fields) == way


def test_calls_that_are_no_scenario() -> None:
    with pytest.raises(NotRecordable, match="webCall"):
        recorded.scenario(call_of(type="webCall"), {})
    with pytest.raises(NotRecordable, match="has not ended"):
        recorded.scenario(call_of(**FIELDS, status="in-progress"), {})


def test_side_by_side() -> None:
    before = side_by_side.told(call_of(*SAID))
    assert before[:3] == ["AI: Hello.", "User: A table, please.", 'Tool: book {"day": "Monday"}']
    now = ["AI: hello", *before[1:3], "AI: Sorry, we are full.", before[-1]]
    rows = list(side_by_side.table(before, now))
    assert [row[:2] for row in rows[:4]] == ["  "] * 4
    changed = next(row for row in rows if "Sorry" in row)
    assert changed.startswith("≠ AI: Table four")
    assert side_by_side.differences(before, now) == 5
    assert side_by_side.differences(before, before) == 0
