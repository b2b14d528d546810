"""The assistant that talks with an operator: what it has of its own, and what of the caller's."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant import talk_fields
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.history import History
from app.domain.assistant.transfer_assistant import PROMPT, Talk, effective, informed
from app.domain.assistant.transfer_plan import problem, read

CALLER = AssistantConfig(
    {
        "name": "Reception",
        "firstMessage": "Hello.",
        "model": {
            "provider": "openai",
            "model": "gpt-4o",
            "messages": [{"role": "system", "content": "You answer the phone."}],
            "tools": [{"type": "endCall"}],
        },
        "voice": {"provider": "11labs", "voiceId": "sarah"},
        "transcriber": {"provider": "deepgram", "language": "de"},
        "compliancePlan": {"hipaaEnabled": True},
        "server": {"url": "https://x.example", "secret": "s"},
        "hooks": [{"on": "call.ending", "do": []}],
        "transport": {"provider": "stream", "url": "wss://x.example"},
    }
)
SAID: list[dict[str, Any]] = [
    {"role": "system", "message": "You answer the phone."},
    {"role": "bot", "message": "Hello."},
    {"role": "user", "message": "My bill is wrong."},
    {"role": "tool_calls", "message": "", "toolCalls": []},
    {"role": "tool_call_result", "message": "", "name": "find_bill", "result": "No. 7"},
    {"role": "system", "message": "The caller is a member."},
]


def plan(**fields: Any) -> dict[str, Any]:
    given = {"mode": "warm-transfer-experimental", **fields}
    return {"type": "number", "number": "+14155550188", "transferPlan": given}


def prompt(made: AssistantConfig) -> str:
    return str(made.model["messages"][0]["content"])


def test_what_it_leaves_out_is_the_callers_assistants() -> None:
    made = effective(CALLER, {"firstMessage": "Hi, I have a caller."})
    assert made.voice == CALLER.voice
    assert made.transcriber == CALLER.transcriber
    assert (made.model["provider"], made.model["model"]) == ("openai", "gpt-4o")
    assert "tools" not in made.model
    assert prompt(made) == PROMPT
    assert made.conversation.first_message == "Hi, I have a caller."
    assert made.keeps_no_record
    assert made.server == CALLER.server
    assert not made.hooks
    assert (made.transport.provider, made.server_messages) == ("local", frozenset())


def test_what_it_has_of_its_own() -> None:
    own = {
        "name": "Desk",
        "model": {"provider": "anthropic", "model": "claude", "tools": [{"type": "sms"}]},
        "voice": {"provider": "openai", "voiceId": "alloy"},
        "transcriber": {"provider": "gladia"},
        "silenceTimeoutSeconds": 12,
        "firstMessageMode": "assistant-waits-for-user",
    }
    made = effective(CALLER, own)
    assert made.json["name"] == "Desk"
    assert len(effective(CALLER, {"name": "x" * 100}).json["name"]) == 40
    assert (made.model["provider"], made.model["model"]) == ("anthropic", "claude")
    assert (made.voice["provider"], made.transcriber["provider"]) == ("openai", "gladia")
    assert made.conversation.silence_seconds == 12
    assert made.conversation.first.value == "assistant-waits-for-user"


def test_its_own_system_message_takes_the_place_of_ours() -> None:
    own = [{"role": "system", "content": "You are the desk."}, {"role": "user", "content": "Hi"}]
    assert effective(CALLER, {"model": {"messages": own}}).model["messages"] == own
    only = effective(CALLER, {"model": {"messages": own[1:]}})
    assert [each["role"] for each in only.model["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("context", "known"),
    [
        ({}, ["Assistant: Hello.", "Caller: My bill is wrong.", "Result of find_bill: No. 7",
              "Note: The caller is a member."]),
        ({"type": "all"}, ["Assistant: Hello.", "Caller: My bill is wrong.",
                           "Result of find_bill: No. 7", "Note: The caller is a member."]),
        ({"type": "userAndAssistantMessages"}, ["Assistant: Hello.", "Caller: My bill is wrong."]),
        ({"type": "lastNMessages", "maxMessages": 1}, ["Caller: My bill is wrong."]),
        ({"type": "lastNMessages", "maxMessages": 0}, []),
        ({"type": "none"}, []),
    ],
)  # fmt: skip
def test_what_it_knows_of_the_conversation(context: dict[str, Any], known: list[str]) -> None:
    made = informed(effective(CALLER, {}), Talk(SAID, History()), context, "")
    told = prompt(made).removeprefix(PROMPT).split("\n")
    assert [line for line in told if ": " in line] == known


def test_it_is_told_the_message() -> None:
    made = informed(effective(CALLER, {}), Talk((), History()), {}, "A caller about a bill.")
    assert prompt(made).endswith("A caller about a bill.")


def test_words_of_the_caller_are_no_template() -> None:
    """They come behind the rendering, and are never rendered."""
    said = [{"role": "user", "message": "{{ secret }}"}]
    made = informed(effective(CALLER, {}), Talk(said, History()), {}, "")
    assert "{{ secret }}" in prompt(made)


def test_only_one_mode_has_one() -> None:
    assistant = {"firstMessage": "Hi"}
    assert read(plan(transferAssistant=assistant)).assistant == assistant
    other = plan(mode="warm-transfer-say-message", transferAssistant=assistant)
    assert read(other).assistant == {}


def test_a_summary_is_written_only_for_a_plan_that_asks() -> None:
    assistant = {"firstMessage": "Hi"}
    asks = {"summaryPlan": {"timeoutSeconds": 3}}
    assert not read(plan(transferAssistant=assistant)).wants_summary
    assert read(plan(transferAssistant=assistant, **asks)).wants_summary
    assert read(plan(transferAssistant=assistant)).briefing("") == ""


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"transferAssistant": "Hi"}, "transferAssistant must be an object"),
        ({"transferAssistant": {"model": "gpt"}}, "transferAssistant.model must be an object"),
        ({"transferAssistant": {"firstMessage": 1}}, "transferAssistant.firstMessage must be"),
        ({"transferAssistant": {"firstMessageMode": "x"}}, "transferAssistant.firstMessageMode"),
        ({"transferAssistant": {"maxDurationSeconds": 9}}, "must be a number from 10 to 43200"),
        ({"transferAssistant": {"silenceTimeoutSeconds": 4}}, "must be a number from 5 to 3600"),
        ({"contextEngineeringPlan": "all"}, "contextEngineeringPlan must be an object"),
        ({"contextEngineeringPlan": {"type": "some"}}, "contextEngineeringPlan.type must be"),
        ({"contextEngineeringPlan": {"type": "lastNMessages"}}, "maxMessages must be a number"),
    ],
)
def test_what_is_not_valid(fields: dict[str, Any], why: str) -> None:
    found = problem(plan(**fields))
    assert found is not None
    assert found.startswith("transferPlan.")
    assert why in found


def test_what_is_valid() -> None:
    whole = {"maxDurationSeconds": 10, "silenceTimeoutSeconds": 3600, "voice": {}, "model": {}}
    context = {"type": "lastNMessages", "maxMessages": 0}
    assert problem(plan(transferAssistant=whole, contextEngineeringPlan=context)) is None
    assert talk_fields.max_seconds(whole) == 10
    assert talk_fields.max_seconds({}) == 120


@pytest.mark.parametrize("holder", ["artifactPlan", ""])
def test_a_call_without_a_transcript_has_none_of_this_talk(holder: str) -> None:
    """Its names are of the caller's conversation, and not lent."""
    given = {"transcriptPlan": {"enabled": False, "userName": "Caller"}}
    caller = AssistantConfig({**CALLER.json, **({holder: given} if holder else given)})
    made = effective(caller, {})
    assert made.json["artifactPlan"] == {"transcriptPlan": {"enabled": False}}
    assert not made.conversation.has_transcript
    assert effective(CALLER, {}).conversation.has_transcript
