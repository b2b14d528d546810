"""What the next assistant knows, by each plan."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.history import History, following, is_handoff, load

FIRST = History()
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "message": "You greet."},
    {"role": "bot", "message": "Hello."},
    {"role": "user", "message": "A table."},
    {"role": "system", "message": "A hint."},
    {"role": "tool_calls", "toolCalls": [{"id": "look"}]},
    {"role": "tool_call_result", "toolCallId": "look"},
    {"role": "bot", "message": "One is free."},
    {"role": "tool_calls", "toolCalls": [{"id": "over"}]},
    {"role": "tool_call_result", "toolCallId": "over"},
]


def plan(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "assistant", "contextEngineeringPlan": {"type": kind, **more}}


def mode(name: str) -> dict[str, Any]:
    return {"type": "assistant", "assistantName": "Bob", "transferMode": name}


TABLE: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    # Vapi's default of each form
    ({"type": "assistant", "assistantId": "1"}, (1, 2, 3, 4, 5, 6, 7, 8)),
    ({"type": "assistant", "assistantName": "Bob"}, (0, 1, 2, 3, 4, 5, 6, 7, 8)),
    (plan("all"), (1, 2, 3, 4, 5, 6, 7, 8)),
    (plan("none"), ()),
    (plan("userAndAssistantMessages"), (1, 2, 6)),
    (plan("lastNMessages", maxMessages=2), (2, 6)),
    (plan("lastNMessages", maxMessages=0), ()),
    (plan("lastNMessages", maxMessages=99), (1, 2, 6)),
    (mode("rolling-history"), (0, 1, 2, 3, 4, 5, 6, 7, 8)),
    (mode("swap-system-message-in-history"), (1, 2, 3, 4, 5, 6, 7, 8)),
    # without the call that hands over, and its result
    (
        mode("swap-system-message-in-history-and-remove-transfer-tool-messages"),
        (1, 2, 3, 4, 5, 6),
    ),
    (mode("delete-history"), ()),
    # an unknown word is the default
    (mode("anything"), (0, 1, 2, 3, 4, 5, 6, 7, 8)),
]


@pytest.mark.parametrize(("destination", "kept"), TABLE)
def test_plans(destination: dict[str, Any], kept: tuple[int, ...]) -> None:
    found = following(FIRST, MESSAGES, destination, "over")
    assert found == History(kept, 9, (0,))
    assert load(found.dump()) == found


def test_a_third_assistant() -> None:
    """It knows what the second one knew; ``previousAssistantMessages``: what was said to that one."""
    second = following(FIRST, MESSAGES, plan("userAndAssistantMessages"), "over")
    more = [
        *MESSAGES,
        {"role": "system", "message": "You book."},
        {"role": "bot", "message": "Bob."},
    ]
    assert following(second, more, plan("all")) == History((1, 2, 6, 10), 11, (0, 9))
    assert following(second, more, plan("previousAssistantMessages")).kept == (10,)
    assert following(second, more, mode("rolling-history")).kept == (1, 2, 6, 9, 10)


def test_the_form_of_a_destination() -> None:
    assert not is_handoff({"type": "assistant", "assistantName": "Bob"})
    assert not is_handoff({"type": "assistant", "message": "", "assistantId": "1"})
    assert is_handoff({"type": "assistant", "assistantName": "Bob", "assistantOverrides": {}})
    assert is_handoff({"type": "dynamic"})
