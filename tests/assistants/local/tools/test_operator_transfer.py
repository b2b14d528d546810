"""The two tools of an assistant that talks with an operator, called by its model."""

from __future__ import annotations

from typing import Any

import pytest

from providers.events import EndedReason
from tests.assistants.local.talk import MODEL, talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller

GENERATE = "assistant-speaks-first-with-model-generated-message"
WORDS = {"type": "request-start", "content": "Here is the caller."}


@pytest.mark.parametrize(
    ("tools", "turn", "reason", "message", "said"),
    [
        ([], ("transferSuccessful", ["{}"]), EndedReason.ASSISTANT_FORWARDED_CALL, None, ""),
        (
            [{"type": "transferSuccessful", "messages": [WORDS]}],
            ("transferSuccessful", ["{}"]),
            EndedReason.ASSISTANT_FORWARDED_CALL,
            None,
            "AI: Here is the caller.\n",
        ),
        (
            [],
            ("transferCancel", ['{"reason": " Back in an hour. "}']),
            EndedReason.ASSISTANT_ENDED_CALL,
            "Back in an hour.",
            "",
        ),
    ],
)
@on_loop
async def test_a_tool_ends_the_talk(
    tools: list[Any], turn: Any, reason: EndedReason, message: str | None, said: str
) -> None:
    async with vendors(replies="Surely.") as theirs:
        theirs.chat.script = [turn]
        whole = {"firstMessageMode": GENERATE, "model": {**MODEL, "tools": tools}}
        async with talking(TwilioCaller(), whole, theirs, transfer="the transfer") as call:
            assert await call.end() is reason
    assert call.message == message
    assert call.transcript == said
