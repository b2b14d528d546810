"""How long the assistant waits for the caller, by the assistant's plan and what was said."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant import endpointing
from app.domain.assistant.endpointing import Smart, parse, problems
from app.domain.assistant.wait_function import MAX_SECONDS, WaitFunction

BY_TEXT = {"onPunctuationSeconds": 0.2, "onNoPunctuationSeconds": 1.4, "onNumberSeconds": 0.8}
ASKED = {"type": "assistant", "regex": r"account number\?", "timeoutSeconds": 5}
YES = {
    "type": "customer",
    "regex": "yes|no",
    "regexOptions": [
        {"type": "ignore-case", "enabled": True},
        {"type": "whole-word", "enabled": True},
    ],
    "timeoutSeconds": 0,
}
BOTH = {
    "type": "both",
    "assistantRegex": "digits",
    "customerRegex": r"\d$",
    "timeoutSeconds": 3,
}


def plan(**given: Any) -> endpointing.StartSpeakingPlan:
    return parse({"startSpeakingPlan": given})


@pytest.mark.parametrize(
    ("given", "caller", "assistant", "seconds"),
    [
        ({}, "Yes.", "", 0.4),  # Vapi's default of waitSeconds
        ({"waitSeconds": 1.2}, "Yes.", "", 1.2),
        ({"transcriptionEndpointingPlan": {}}, "Yes.", "", 0.1),
        ({"transcriptionEndpointingPlan": {}}, "Yes", "", 1.5),
        ({"transcriptionEndpointingPlan": {}}, "It is 12", "", 0.5),
        ({"transcriptionEndpointingPlan": BY_TEXT}, "Really?", "", 0.2),
        ({"transcriptionEndpointingPlan": BY_TEXT}, 'He said "go."', "", 0.2),
        ({"transcriptionEndpointingPlan": BY_TEXT}, "はい。", "", 0.2),
        ({"transcriptionEndpointingPlan": BY_TEXT}, "and then,", "", 1.4),
        ({"transcriptionEndpointingPlan": BY_TEXT}, "4 1 5.", "", 0.8),  # a number before its dot
        ({"transcriptionEndpointingPlan": BY_TEXT, "waitSeconds": 9}, "Yes.", "", 0.2),
        # rules before all plans, the first that matches
        ({"customEndpointingRules": [ASKED]}, "Hm.", "Your account number?", 5),
        ({"customEndpointingRules": [ASKED]}, "Hm.", "Your name?", 0.4),
        ({"customEndpointingRules": [YES]}, "Well, YES", "", 0),
        ({"customEndpointingRules": [YES]}, "yesterday", "", 0.4),
        ({"customEndpointingRules": [BOTH]}, "one 1", "Your digits?", 3),
        ({"customEndpointingRules": [BOTH]}, "one", "Your digits?", 0.4),
        ({"customEndpointingRules": [BOTH]}, "one 1", "Your name?", 0.4),
        ({"customEndpointingRules": [YES, ASKED]}, "no", "account number?", 0),
        ({"customEndpointingRules": [{"type": "?"}, ASKED]}, "x", "account number?", 5),
        (
            {"customEndpointingRules": [YES], "transcriptionEndpointingPlan": BY_TEXT},
            "Maybe.",
            "",
            0.2,
        ),
    ],
)
def test_seconds(given: dict[str, Any], caller: str, assistant: str, seconds: float) -> None:
    assert plan(**given).seconds(caller, assistant) == seconds


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, Smart.NONE),
        ({"smartEndpointingEnabled": True}, Smart.LOCAL),
        ({"smartEndpointingEnabled": "livekit"}, Smart.WAIT_FUNCTION),
        ({"smartEndpointingEnabled": False}, Smart.NONE),
        ({"smartEndpointingPlan": {"provider": "vapi"}}, Smart.LOCAL),
        ({"smartEndpointingPlan": {"provider": "livekit"}}, Smart.WAIT_FUNCTION),
        ({"smartEndpointingPlan": {"provider": "custom-endpointing-model"}}, Smart.SERVER),
        ({"smartEndpointingPlan": {"provider": "deepgram-flux"}}, Smart.LOCAL),  # the nearest
    ],
)
def test_kind_of_smart_plan(given: dict[str, Any], kind: Smart) -> None:
    assert plan(**given).smart is kind


@pytest.mark.parametrize(
    ("text", "x", "seconds"),
    [
        ("20 + 500 * sqrt(x) + 2500 * x^3", 0, 0.02),  # Vapi's examples
        ("20 + 500 * sqrt(x) + 2500 * x^3", 1, 3.02),
        ("70 + 4000 * x", 0.5, 2.07),
        ("4000 * (1 - cos(pi * x))", 1, 8.0),
        ("-100", 0.5, 0.0),
        ("1e9", 0.5, MAX_SECONDS),
        ("100 / x", 0, MAX_SECONDS),
        ("2 ^ 3 ^ 2", 0, 0.512),
        ("max(100, 200 * x)", 1, 0.2),
        ("exp(1000)", 0, MAX_SECONDS),
    ],
)
def test_wait_function(text: str, x: float, seconds: float) -> None:
    assert WaitFunction(text).seconds(x) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "y",
        "x.real",
        "__import__('os')",
        "x if x else 1",
        "[x]",
        "9" * 300,
        "(" * 150,
        "sqrt(x",
        "max()",
    ],
)
def test_no_wait_function(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|characters"):
        WaitFunction(text)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"type": "caller"}, "0.type must be one of assistant, customer, both; it is 'caller'"),
        ({"type": "customer", "timeoutSeconds": 1}, "0.regex is missing"),
        ({**YES, "regex": "("}, "0.regex is not a regular expression"),
        ({**YES, "regex": "(a+)+b"}, "0.regex may take too long"),
        ({**YES, "regex": "(a|ab)*c"}, "0.regex may take too long"),
        ({**YES, "regex": ".*a.*b.*c.*d"}, "0.regex may take too long"),
        ({**YES, "regex": "(?:x{1,99}){1,99}y"}, "0.regex may take too long"),
        ({**YES, "regex": "x" * 501}, "0.regex has more than 500 characters"),
        ({**BOTH, "customerRegex": "["}, "0.customerRegex is not"),
        ({**YES, "timeoutSeconds": 16}, "0.timeoutSeconds must be from 0 to 15"),
        ({**YES, "timeoutSeconds": "1"}, "0.timeoutSeconds must be from 0 to 15"),
    ],
)
def test_a_rule_that_never_works_is_told(rule: dict[str, Any], problem: str) -> None:
    [told] = problems({"startSpeakingPlan": {"customEndpointingRules": [rule]}})
    assert told.startswith(f"startSpeakingPlan.customEndpointingRules.{problem}")


def test_a_wait_function_that_never_works_is_told() -> None:
    given = {"smartEndpointingPlan": {"provider": "livekit", "waitFunction": "import os"}}
    [told] = problems({"startSpeakingPlan": given})
    assert told.startswith("startSpeakingPlan.smartEndpointingPlan.waitFunction is not")
    assert plan(**given).wait_function is not None  # stored before the check: Vapi's default


@pytest.mark.parametrize(
    "given", [None, [], "x", {"customEndpointingRules": {}}, {"waitSeconds": None}]
)
def test_any_json_is_a_plan(given: Any) -> None:
    assistant = {"startSpeakingPlan": given}
    assert parse(assistant).seconds("Yes.", "") == 0.4
    assert list(problems(assistant)) == []
