"""Hooks as real assistants have them, and those that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.behaviour import behaviour_problems
from app.domain.assistant.field_check import check_fields
from app.domain.assistant.hooks import Hook, Moment, parse
from app.domain.assistant.served_fields import Fate

SAY = {"type": "say", "exact": "Are you there?"}
SILENT = {"on": "customer.speech.timeout", "do": [SAY]}
FAILED = {
    "on": "call.ending",
    "filters": [
        {"type": "oneOf", "key": "call.endedReason", "oneOf": ["pipeline-error-openai-llm-failed"]}
    ],
    "do": [
        {
            "type": "tool",
            "tool": {"type": "transferCall", "destinations": [{"type": "number", "number": "+1"}]},
        }
    ],
}


def one(given: dict[str, Any]) -> Hook:
    [hook] = parse({"hooks": [given]})
    return hook


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (SILENT, Hook(Moment.CUSTOMER_SILENT, (SAY,))),
        (
            {**SILENT, "options": {"timeoutSeconds": 10, "triggerMaxCount": 2}},
            Hook(Moment.CUSTOMER_SILENT, (SAY,), seconds=10.0, count=2),
        ),
        (
            {**SILENT, "on": "customer.speech.timeout[timeoutSeconds=5,triggerMaxCount=1]"},
            Hook(Moment.CUSTOMER_SILENT, (SAY,), seconds=5.0, count=1),
        ),
        (
            {**SILENT, "options": {"triggerResetMode": "onUserSpeech"}},
            Hook(Moment.CUSTOMER_SILENT, (SAY,), starts_again=True),
        ),
        (
            {"on": "assistant.speech.interrupted", "do": [SAY]},
            Hook(Moment.ASSISTANT_INTERRUPTED, (SAY,)),
        ),
        (
            {"on": "call.timeElapsed", "options": {"seconds": 18}, "do": [SAY]},
            Hook(Moment.TIME_ELAPSED, (SAY,), seconds=18.0),
        ),
    ],
)
def test_hook(given: dict[str, Any], expected: Hook) -> None:
    assert one(given) == expected


def test_filters_are_about_the_reason() -> None:
    assert one(FAILED).is_for("pipeline-error-openai-llm-failed")
    assert not one(FAILED).is_for("customer-ended-call")
    assert one({**FAILED, "filters": []}).is_for("customer-ended-call")


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        ("x", None),  # no list: as if absent
        ([3], "hooks.0 must be an object"),
        ([{**SILENT, "on": "call.begun"}], "hooks.0.on must be one of call.ending, "),
        ([{"on": "call.ending"}], "hooks.0.do must have 1 to 10 actions"),
        ([{**SILENT, "do": [{"type": "shout"}]}], "hooks.0.do.0.type must be one of say, "),
        ([{**SILENT, "do": [{"type": "say"}]}], "hooks.0.do.0 needs exact or prompt"),
        ([{**SILENT, "do": [{"type": "tool"}]}], "hooks.0.do.0 needs tool or toolId"),
        (
            [{**SILENT, "do": [{"type": "message.add", "message": {"role": "user"}}]}],
            "hooks.0.do.0.message needs content",
        ),
        ([{**SILENT, "do": [{"type": "transfer"}]}], "hooks.0.do.0.destination is missing"),
        ([{**SILENT, "do": [{"type": "function"}]}], "hooks.0.do.0.function.name is missing"),
        ([{**FAILED, "do": [SAY]}], "hooks.0.do.0.type must not be say"),
        ([{**FAILED, "filters": [{"type": "regex"}]}], "hooks.0.filters.0.type must be oneOf"),
        (
            [{**FAILED, "filters": [{"type": "oneOf", "key": "x", "oneOf": ["y"]}]}],
            "hooks.0.filters.0.key must be call.endedReason",
        ),
        (
            [{**SILENT, "options": {"timeoutSeconds": 0}}],
            "hooks.0.options.timeoutSeconds must be from 1 to 1000",
        ),
        (
            [{**SILENT, "options": {"triggerMaxCount": 11}}],
            "hooks.0.options.triggerMaxCount must be from 1 to 10",
        ),
        (
            [{"on": "call.timeElapsed", "do": [SAY]}],
            "hooks.0.options.seconds must be from 1 to 43200",
        ),
        ([SILENT] * 31, "hooks must have at most 30 entries"),
    ],
)
def test_a_hook_that_never_works_is_told(hooks: Any, problem: str | None) -> None:
    told = list(behaviour_problems({"hooks": hooks}, "assistant."))
    assert bool(told) is bool(problem)
    assert not problem or told[0].startswith(f"assistant.{problem}")


@pytest.mark.parametrize(
    "moment",
    [
        "session.created",
        "model.response.timeout",
        "assistant.transcriber.endpointedSpeechLowConfidence",
    ],
)
def test_what_has_no_effect_is_told(moment: str) -> None:
    assistant = {"hooks": [{"on": moment, "do": [{"type": "tool", "toolId": "x"}]}]}
    assert not list(behaviour_problems(assistant))
    assert parse(assistant) == ()
    [told] = [each for each in check_fields(assistant) if each.fate is Fate.IGNORED]
    assert told.path == "hooks.0"


def calling(kind: str) -> dict[str, Any]:
    server = {"server": {"url": "https://a.example"}} if kind == "mcp" else {}
    return {**SILENT, "do": [SAY, {"type": "tool", "tool": {"type": kind, **server}}]}


@pytest.mark.parametrize(
    ("hook", "path"),
    [
        (calling("slack.message.send"), "do.1.tool.type"),
        (calling("teleport"), "do.1.tool.type"),
        (calling("mcp"), "do.1.tool.type"),
        ({**SILENT, "options": {"triggerMaxCout": 1}}, "options.triggerMaxCout"),
        ({**SILENT, "filters": FAILED["filters"]}, "filters"),
        (calling("endCall"), None),
        (FAILED, None),
    ],
)
def test_a_part_without_effect_is_told(hook: dict[str, Any], path: str | None) -> None:
    found = [each.path for each in check_fields({"hooks": [hook]}) if each.fate is Fate.IGNORED]
    assert found == ([f"hooks.0.{path}"] if path else [])
