"""Tools of an assistant, in Vapi's current and older forms, read into one shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assistants.local.tools.definitions import (
    Kind,
    Message,
    Tool,
    ToolMessageType,
    tools_schema,
)
from app.assistants.local.tools.reading import KEYS, left_out, read_operators_tools, read_tools
from app.domain.assistant import tool_types
from app.domain.assistant.config import AssistantConfig, Server

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
WEATHER = {"name": "getWeather", "description": "Tells the weather.", "parameters": PARAMETERS}
SALES = {"type": "number", "number": "+14155550101", "description": "for orders"}
HELP = {"type": "sip", "sipUri": "sip:help@example.com"}


def only(assistant: dict[str, Any]) -> Tool:
    [tool] = read_tools(AssistantConfig(assistant))
    return tool


def of_tools(*tools: Any) -> dict[str, Any]:
    return {"model": {"provider": "openai", "tools": list(tools)}}


def names(assistant: dict[str, Any]) -> list[str]:
    return [tool.name for tool in read_tools(AssistantConfig(assistant))]


@pytest.mark.parametrize(
    "assistant",
    [
        # now
        of_tools(
            {
                "type": "function",
                "async": True,
                "server": {"url": "https://a.example/", "secret": "s"},
                "function": WEATHER,
            }
        ),
        # 2024: the server's older spelling beside a tool
        of_tools(
            {
                "type": "function",
                "async": True,
                "serverUrl": "https://a.example/",
                "serverUrlSecret": "s",
                "function": WEATHER,
            }
        ),
        # before tools: functions
        {
            "model": {
                "functions": [
                    {
                        **WEATHER,
                        "async": True,
                        "serverUrl": "https://a.example/",
                        "serverUrlSecret": "s",
                    }
                ]
            }
        },
    ],
    ids=["tool", "serverUrl", "function"],
)
def test_a_function(assistant: dict[str, Any]) -> None:
    assert only(assistant) == Tool(
        Kind.FUNCTION,
        "getWeather",
        "Tells the weather.",
        PARAMETERS,
        server=Server("https://a.example/", "s"),
        is_async=True,
        is_older="functions" in assistant["model"],
    )
    assert "secret" not in repr(only(assistant))


def test_a_function_may_want_nothing() -> None:
    tool = only(of_tools({"type": "function", "function": {"name": "ping"}}))
    assert tool.parameters == {"type": "object", "properties": {}, "required": []}
    assert (tool.description, tool.server, tool.is_async) == ("", None, False)


@pytest.mark.parametrize(
    ("current", "older", "kind", "parameters"),
    [
        ({"type": "endCall"}, {"endCallFunctionEnabled": True}, Kind.END_CALL, {}),
        ({"type": "dtmf"}, {"dialKeypadFunctionEnabled": True}, Kind.DTMF, KEYS["properties"]),
        (
            {"type": "transferCall", "destinations": [{"type": "number", "number": "+1415"}]},
            {"forwardingPhoneNumber": "+1415"},
            Kind.TRANSFER_CALL,
            None,
        ),
    ],
)
def test_a_flag_is_the_tool_that_took_its_place(
    current: dict[str, Any], older: dict[str, Any], kind: Kind, parameters: Any
) -> None:
    tool = only(older)
    assert tool == only(of_tools(current))
    assert (tool.kind, tool.name) == (kind, kind.value)
    assert tool.description
    assert parameters is None or tool.parameters["properties"] == parameters
    assert names({**of_tools(current), **older}) == [kind.value]  # once


@pytest.mark.parametrize(
    "assistant",
    [
        of_tools({"type": "transferCall", "destinations": [SALES, HELP]}),
        {
            "forwardingPhoneNumber": "+14155550101",
            # the same number again, as clients wrote it when the list was new
            "forwardingPhoneNumbers": [
                {"number": "+14155550101"},
                {"sipUri": "sip:help@example.com"},
            ],
        },
    ],
    ids=["tool", "flags"],
)
def test_destinations_are_a_choice(assistant: dict[str, Any]) -> None:
    tool = only(assistant)
    choice = tool.parameters["properties"]["destination"]["enum"]
    assert choice == ["+14155550101", "sip:help@example.com"]
    assert [place["type"] for place in tool.destinations] == ["number", "sip"]


def test_the_model_is_told_what_destinations_are_for() -> None:
    tool = only(of_tools({"type": "transferCall", "destinations": [SALES, HELP]}))
    assert tool.description.endswith("transfer the call. +14155550101: for orders")


def test_a_built_in_may_be_described_by_the_assistant() -> None:
    function = {"name": "bye", "description": "When all is said.", "parameters": PARAMETERS}
    tool = only(of_tools({"type": "endCall", "function": function}))
    assert (tool.kind, tool.name, tool.description) == (Kind.END_CALL, "bye", "When all is said.")
    assert tool.parameters == PARAMETERS


def test_without_destinations_the_server_is_asked() -> None:
    tool = only(of_tools({"type": "transferCall", "server": {"url": "https://a.example/"}}))
    assert tool.destinations == ()
    assert tool.server == Server("https://a.example/")


def test_messages() -> None:
    messages = [
        {"type": "request-start", "content": "One moment.", "blocking": True},
        {
            "type": "request-response-delayed",
            "content": "Still looking.",
            "timingMilliseconds": 2500,
        },
        {"type": "request-complete", "content": "Tell it kindly.", "role": "system"},
        {
            "type": "request-failed",
            "content": "Sorry.",
            "endCallAfterSpokenEnabled": True,
            "conditions": [{"param": "city", "operator": "eq", "value": "Oslo"}],
        },
        {"type": "request-start"},  # nothing to say
        {"type": "someday", "content": "?"},
    ]
    tool = only(of_tools({"type": "function", "function": WEATHER, "messages": messages}))
    conditions = ({"param": "city", "operator": "eq", "value": "Oslo"},)
    assert tool.messages == (
        Message(ToolMessageType.START, "One moment.", 1.0, waits=True),
        Message(ToolMessageType.DELAYED, "Still looking.", 2.5),
        Message(ToolMessageType.COMPLETE, "Tell it kindly.", 1.0, role="system"),
        Message(ToolMessageType.FAILED, "Sorry.", 1.0, ends_call=True, conditions=conditions),
    )


def test_a_name_is_used_once_and_the_current_form_wins() -> None:
    current = {"type": "function", "function": {**WEATHER, "description": "new"}}
    assistant = of_tools(current)
    assistant["model"]["functions"] = [{**WEATHER, "description": "old"}, {"name": "other"}]
    assert names(assistant) == ["getWeather", "other"]
    assert read_tools(AssistantConfig(assistant))[0].description == "new"


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "query"},  # no knowledge base
        {"type": "function"},  # no function
        {"type": "function", "function": {"name": "get weather"}},  # vendors refuse the request
        {"type": "function", "function": {"name": "x" * 65}},
        {"type": ["function"]},
        "endCall",
    ],
)
def test_what_no_model_can_call_is_left_out(tool: Any) -> None:
    assistant = of_tools(tool, {"type": "endCall"})
    assert names(assistant) == ["endCall"]
    assert len([*left_out(AssistantConfig(assistant))]) == isinstance(tool, dict)


def test_flags_that_are_off() -> None:
    off = {"endCallFunctionEnabled": False, "dialKeypadFunctionEnabled": None}
    assert read_tools(AssistantConfig({**off, "forwardingPhoneNumber": None, "model": None})) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([*Kind, *ToolMessageType])
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "function", "name", "messages", "destinations", "parameters"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_any_assistant_has_tools(tools: Any, functions: Any, numbers: Any) -> None:
    model = {"tools": [tools], "functions": functions}
    for tool in read_tools(AssistantConfig({"model": model, "forwardingPhoneNumbers": numbers})):
        assert tool.name
        assert tool.parameters["type"] == "object"


def test_the_engines_form() -> None:
    [schema] = tools_schema(
        [only(of_tools({"type": "function", "function": WEATHER}))]
    ).standard_tools
    assert schema.to_default_dict() == WEATHER


BOTH = ["transferCancel", "transferSuccessful"]


def test_a_transfer_assistant_always_has_its_two_tools() -> None:
    """It has its own tools besides, but none that would hand its operator over."""
    own = [{"type": "sms"}, {"type": "transferCall"}, {"type": "handoff"}, {"type": "bash"}]
    made = AssistantConfig(of_tools(*own))
    assert [tool.name for tool in read_operators_tools(made)] == ["sms", *BOTH]
    told = [*left_out(made, of_operator=True)]
    assert [each.partition(":")[0] for each in told] == ["transferCall", "handoff", "bash"]


def test_a_transfer_assistant_may_word_its_two_tools() -> None:
    words = {"type": "request-start", "content": "Here you are."}
    own = {
        "type": "transferSuccessful",
        "function": {"name": "connect_now", "description": "They agree."},
        "messages": [words],
    }
    made = AssistantConfig(of_tools(own))
    first, second = read_operators_tools(made)
    assert (first.name, first.description) == ("connect_now", "They agree.")
    assert [each.content for each in first.messages] == ["Here you are."]
    assert second.name == "transferCancel"
    assert "reason" in second.parameters["properties"]
    assert not [*left_out(made, of_operator=True)]


def test_no_other_assistant_has_them() -> None:
    made = AssistantConfig(of_tools({"type": "transferSuccessful"}, {"type": "transferCancel"}))
    assert read_tools(made) == []
    assert len([*left_out(made)]) == 2


def test_the_example_of_the_page_has_every_kind() -> None:
    page = (Path(__file__).parents[4] / "docs" / "assistants.md").read_text()
    example = json.loads(page.partition("### Tools")[2].partition("```json")[2].partition("```")[0])
    tools = read_tools(AssistantConfig(example))
    assert {tool.kind for tool in tools} == tool_types.SERVED
    assert set(Kind) == tool_types.SERVED | tool_types.OF_OPERATORS
    assert len(tools) == len(example["model"]["tools"])
    for kind, why in tool_types.NOT_SERVED.items():
        assert f"`{kind}`" in page
        assert f"| {why} |" in page


def test_no_other_tool_has_the_name_of_one_that_ends_the_talk() -> None:
    """Vendors refuse two of one name, and another kind would not end the transfer."""
    named = [{"type": "function", "function": {**WEATHER, "name": name}} for name in BOTH]
    found = read_operators_tools(AssistantConfig(of_tools(*named)))
    assert [(tool.name, str(tool.kind)) for tool in found] == [(name, name) for name in BOTH]
    assert len([*left_out(AssistantConfig(of_tools(*named)), of_operator=True)]) == 2
    assert not [*left_out(AssistantConfig(of_tools(*named)))]
