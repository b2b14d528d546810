"""Every text of an assistant that is spoken, shown to a model or sent is rendered."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.rendering import filled, place_filled, problems, rendered

T, DONE = "{{x}}", "Ann"
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "description": T,
        "parameters": {"type": "object", "properties": {"a": {"description": T}}},
    },
    "server": {"url": "https://example.com/" + T, "headers": {"X-Name": T}},
}
PLACES: dict[str, Any] = {
    "firstMessage": T,
    "endCallPhrases": [T],
    "hooks": [{"on": "call.ending", "do": [{"type": "function", "function": {"name": T}}]}],
    "forwardingPhoneNumber": T,
    "model": {
        "url": "https://example.com/" + T,
        "headers": {"X-Name": T},
        "systemPrompt": T,
        "messages": [{"role": "system", "content": T}, {"role": "user", "content": T}],
        "functions": [{"name": "f", "description": T, "serverUrl": "https://example.com/" + T}],
        "tools": [
            TOOL,
            {
                "type": "transferCall",
                "destinations": [
                    {"type": "number", "number": T, "description": T, "callerId": T},
                    {"type": "sip", "sipUri": "sip:" + T},
                ],
            },
            {"type": "sms", "description": T},
        ],
    },
    "voice": {"server": {"url": "https://example.com/" + T, "headers": {"X-Name": T}}},
    "transcriber": {"keywords": [T], "server": {"headers": {"X-Name": T}}},
    "transport": {"headers": {"X-Name": T}},
}
"""A place per text, as Vapi's assistants have them."""
UNTOUCHED: dict[str, Any] = {
    "metadata": {"a": T},
    "variableValues": {"a": T},
    "server": {"url": T, "secret": T, "headers": {"a": T}},
    "serverUrl": T,
    "credentials": [{"apiKey": T}],
    "analysisPlan": {"summaryPrompt": T},  # rendered after the call
    # rendered when they are spoken: tools may have learnt more by then
    "endCallMessage": T,
    "voicemailMessage": T,
    "messagePlan": {"idleMessages": [T]},
    "hooks": [
        {
            "on": "call.ending",
            "do": [
                {"type": "say", "exact": [T], "prompt": T},
                {"type": "message.add", "message": {"content": T}},
                {"type": "transfer", "destination": {"message": T, "transferPlan": {"message": T}}},
            ],
        }
    ],
    "forwardingPhoneNumbers": [{"message": T}],
    "model": {
        "tools": [{"type": "endCall", "messages": [{"type": "request-start", "content": T}]}],
        "functions": [{"name": "f", "messages": [{"type": "request-start", "content": T}]}],
    },
}


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    return [t for each in value for t in texts(each)] if isinstance(value, list) else [str(value)]


@pytest.mark.parametrize("place", PLACES)
def test_place(place: str) -> None:
    given = AssistantConfig({place: PLACES[place], "variableValues": {"x": DONE}})
    found = texts(rendered(given, {"x": DONE}).json[place])
    assert found == [each.replace(T, DONE) for each in texts(PLACES[place])]
    assert DONE in "".join(found)


def test_what_is_no_text_for_anyone_stays() -> None:
    assert rendered(AssistantConfig(UNTOUCHED), {"x": DONE}).json == UNTOUCHED


LATE: dict[str, dict[str, Any]] = {
    "apiRequest": {"url": "https://example.com/" + T, "headers": {"a": T}, "body": {"b": T}},
    "mcp": {"server": {"url": "https://example.com/" + T}},
    "sms": {"metadata": {"from": T}},
    "function": {"parameters": [{"key": "a", "value": T}], "variableExtractionPlan": {"a": T}},
}
"""Fields that a tool renders with the arguments of its call."""


@pytest.mark.parametrize("kind", LATE)
def test_a_tool_waits_for_its_arguments(kind: str) -> None:
    tool = {"type": kind, **LATE[kind], "description": T}
    made = rendered(AssistantConfig({"model": {"tools": [tool]}}), {"x": DONE}).json
    assert made == {"model": {"tools": [{**tool, "description": DONE}]}}


def test_a_place_is_filled_once() -> None:
    """When the call is transferred. A value is never a template."""
    place = {"number": T, "message": {"content": T}, "transferPlan": {"message": T}}
    values = {"x": "{{x}}"}
    made: Any = rendered(AssistantConfig({"forwardingPhoneNumbers": [place]}), values).json
    [kept] = made["forwardingPhoneNumbers"]
    said = {"message": {"content": "{{x}}"}, "transferPlan": {"message": "{{x}}"}}
    assert place_filled(kept, values) == {"number": "{{x}}", **said}


def test_a_tool_of_a_transfer_assistant_waits_for_its_use() -> None:
    """For its arguments, and so that a value is no template there either."""
    tool = {"type": "apiRequest", "name": T, "messages": [{"content": T}], **LATE["apiRequest"]}
    functions = [{"name": T, "messages": [{"content": T}]}]
    model = {"model": {"tools": [tool], "functions": functions, "systemPrompt": T}}
    made: Any = place_filled({"transferPlan": {"transferAssistant": model}}, {"x": DONE})
    assert made["transferPlan"]["transferAssistant"]["model"] == {
        "tools": [{**tool, "name": DONE}],
        "functions": [{"name": DONE, "messages": [{"content": T}]}],
        "systemPrompt": DONE,
    }


def test_a_type_may_be_anything() -> None:
    """A destination may come from a server of the client."""
    assert filled({"type": [T], "number": T}, {"x": DONE}) == {"type": [DONE], "number": DONE}


def test_problems_name_their_places() -> None:
    body = {"firstMessage": "{{a b}}", "model": {"messages": [{"content": "{% if %}"}]}}
    first, second = problems({**UNTOUCHED, **body}, "assistant.")
    assert first.startswith("assistant.firstMessage has a template that cannot be parsed: ")
    assert second.startswith("assistant.model.messages.0.content has a template")


def test_what_is_spoken_later_is_told_too() -> None:
    tool = {"type": "endCall", "messages": [{"content": "{{a b}}"}]}
    body = {"endCallMessage": "{{a b}}", "model": {"tools": [tool]}}
    assert len(problems(body)) == 2


def test_a_path_of_an_answer_is_no_problem() -> None:
    """The form of Vapi's own page."""
    plan = {"aliases": [{"key": "name", "value": "{{$[0].name}}"}]}
    assert not problems({"model": {"tools": [{"variableExtractionPlan": plan}]}})
