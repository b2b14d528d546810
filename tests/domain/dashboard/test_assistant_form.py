"""The form of an assistant over its JSON: what it shows, what it changes, and what it leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.dashboard.assistants import form
from app.domain.dashboard.assistants.form import applied, values
from app.domain.dashboard.assistants.form_fields import FIELDS
from tests.domain.dashboard.assistants_json import FULL, ODD

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-9, 9)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
TOOLS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["transferCall", "endCall", "function"])},
        optional={
            "destinations": JSON
            | st.lists(
                st.dictionaries(
                    st.sampled_from(["type", "number", "sipUri", "message", "description", "x"]),
                    JSON,
                ),
                max_size=3,
            )
        },
    ),
    max_size=3,
)
MODELS = st.fixed_dictionaries(
    {},
    optional={
        "provider": JSON,
        "temperature": JSON,
        "systemPrompt": JSON,
        "messages": JSON | st.lists(st.fixed_dictionaries({"role": st.just("system")}), max_size=2),
        "tools": JSON | TOOLS,
        "toolIds": JSON,
    },
)
ASSISTANTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("name", "voice", "server", "endCallPhrases", "recordingEnabled"), JSON),
        "model": JSON | MODELS,
        "endCallFunctionEnabled": JSON,
    },
)


def sent(shown: Any) -> dict[str, list[str]]:
    """As a browser sends what it was shown: lines end with two characters, inputs have one line."""
    texts = dict[str, list[str]]()
    for each in FIELDS:
        own = [text.replace("\r\n", "\n").replace("\r", "\n") for text in shown[each.name]]
        is_area = each.input == "area"
        made = [t.replace("\n", "\r\n") if is_area else t.replace("\n", "") for t in own]
        if made or each.input not in {"ids", "checkbox"}:
            texts[each.name] = made
    return texts


def edited(assistant: dict[str, Any], **changes: str | list[str]) -> form.Applied:
    texts = sent(values(assistant))
    for name, value in changes.items():
        texts[name.replace("__", ".")] = [value] if isinstance(value, str) else value
    return applied(assistant, texts)


@pytest.mark.parametrize("assistant", [FULL, ODD, {}])
def test_what_is_sent_as_it_was_shown_changes_nothing(assistant: dict[str, Any]) -> None:
    assert edited(assistant) == (assistant, {})


@settings(max_examples=40)
@given(ASSISTANTS)
def test_so_it_is_with_any_json(assistant: dict[str, Any]) -> None:
    made = edited(assistant)
    assert json.dumps(made.assistant) == json.dumps(assistant)
    assert made.problems == {}


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Paths of what is not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = dict.fromkeys([*before, *after])
        return [d for n in names for d in differences(before.get(n), after.get(n), f"{path}.{n}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        both = enumerate(zip(before, after, strict=True))
        return [d for n, (b, a) in both for d in differences(b, a, f"{path}.{n}")]
    return [] if before == after else [f"{path[1:]}={json.dumps(after)}"]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"name": " Shop "}, ['name="Shop"']),
        ({"name": ""}, ["name=null"]),
        # a text of several lines keeps its spaces
        ({"firstMessage": " Hi\r\nyou "}, ['firstMessage=" Hi\\nyou "']),
        # the system message is the second, and has a field of its own
        ({"model__messages": "Sing."}, ['model.messages.1.content="Sing."']),
        ({"model__messages": ""}, ['model.messages=[{"role": "user", "content": "before"}]']),
        ({"model__temperature": "0"}, ["model.temperature=0"]),
        ({"model__temperature": ".5"}, ["model.temperature=0.5"]),
        ({"model__temperature": ""}, ["model.temperature=null"]),
        # the older spelling stays where it is
        ({"server__url": "https://b.com"}, ['serverUrl="https://b.com"']),
        ({"artifactPlan__recordingEnabled": "true"}, ["recordingEnabled=true"]),
        ({"artifactPlan__recordingEnabled": ""}, ["recordingEnabled=null"]),
        ({"server__secret": " s3cret "}, ['server={"secret": "s3cret"}']),
        (
            {"endCallPhrases": "bye\r\n\r\n see you "},
            ['endCallPhrases.0="bye"', 'endCallPhrases.1="see you"'],
        ),
        ({"voicemailDetection__provider": "openai"}, ['voicemailDetection.provider="openai"']),
        # the tools around it stay
        (
            {"endCall": []},
            [f"model.tools={json.dumps([FULL['model']['tools'][n] for n in (0, 2)])}"],
        ),
        ({"model__toolIds": ["a", "b"]}, ['model.toolIds=["a", "b"]']),
        ({"model__toolIds": []}, ["model.toolIds=null"]),
    ],
)
def test_one_input_changes_one_field(changes: dict[str, Any], wanted: list[str]) -> None:
    made = edited(FULL, **changes)
    assert differences(FULL, made.assistant) == wanted
    assert made.problems == {}


def destinations(assistant: Any) -> list[Any]:
    found: list[Any] = assistant["model"]["tools"][-1].get("destinations", [])
    return found


SHOWN = values(FULL)["destinations"]
DESK = FULL["model"]["tools"][2]["destinations"]


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        # a number keeps what the row does not show, and loses its spaces
        (["+1 (415) 555-0111", *SHOWN[1:]], [{**DESK[0], "number": "+14155550111"}, *DESK[1:]]),
        # a number becomes a SIP address
        (["sip:a@b.com", *SHOWN[1:]], [
            {"type": "sip", "message": "One moment.", "x": 1, "sipUri": "sip:a@b.com"}, *DESK[1:]]),
        # a template stays as it is
        (["{{ number }}", *SHOWN[1:]], [{**DESK[0], "number": "{{ number }}"}, *DESK[1:]]),
        # without an address it is gone, and the next one keeps its own fields
        (["", "", "", *SHOWN[3:]], DESK[1:]),
        (["", *SHOWN[1:]], DESK[1:]),
        # a message is cleared, another is set
        ([SHOWN[0], "", "new", *SHOWN[3:]], [
            {"type": "number", "number": "+14155550100", "x": 1, "description": "new"}, *DESK[1:]]),
        # one more
        ([*SHOWN, "+14155550122", "", ""], [*DESK, {"type": "number", "number": "+14155550122"}]),
        ([*SHOWN, "", "", ""], DESK),
        # all are gone: the one that is not shown stays
        (["", "", "", "", "", ""], DESK[1:2]),
    ],
)  # fmt: skip
def test_destinations(inputs: list[str], wanted: list[Any]) -> None:
    made = edited(FULL, destinations=inputs)
    assert made.problems == {}
    assert destinations(made.assistant) == wanted
    assert made.assistant["model"]["tools"][:2] == FULL["model"]["tools"][:2]


def test_the_first_destination_makes_the_tool_and_the_last_takes_it() -> None:
    made = edited({"name": "a"}, destinations=["+14155550100", "", ""]).assistant
    assert made["model"] == {
        "tools": [
            {
                "type": "transferCall",
                "destinations": [{"type": "number", "number": "+14155550100"}],
            }
        ]
    }
    assert edited(made, destinations=["", "", ""]).assistant == {"name": "a"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model__temperature": "warm"}, "Temperature: must be a number, such as 0.5"),
        ({"model__temperature": "nan"}, "Temperature: must be a number, such as 0.5"),
        ({"model__temperature": "1_0"}, "Temperature: must be a number, such as 0.5"),
        ({"model__temperature": "9" * 400}, "Temperature: must be a number, such as 0.5"),
        (
            {"destinations": ["12", "", ""]},
            "Where it may transfer the caller: must be a number such",
        ),
        (
            {"destinations": ["sip:a", "", ""]},
            "Where it may transfer the caller: must be a number such",
        ),
        ({"destinations": [*SHOWN, "", "hello", ""]}, "Where it may transfer the caller: must be"),
    ],
)
def test_what_cannot_be_read_is_told_and_changes_nothing(
    changes: dict[str, Any], sentence: str
) -> None:
    made = edited(FULL, **changes)
    [problem] = made.problems.values()
    assert problem.startswith(sentence)
    assert made.assistant == FULL


@pytest.mark.parametrize(
    ("assistant", "changes", "wanted"),
    [
        (
            {},
            {"model__messages": "Hi"},
            {"model": {"messages": [{"role": "system", "content": "Hi"}]}},
        ),
        (
            {"model": {"systemPrompt": "a"}},
            {"model__messages": "b"},
            {"model": {"systemPrompt": "b"}},
        ),
        ({"model": {"systemPrompt": "a"}}, {"model__messages": ""}, {}),
        ({}, {"endCall": ["on"]}, {"model": {"tools": [{"type": "endCall"}]}}),
        ({"endCallFunctionEnabled": True}, {"endCall": []}, {}),
        ({"model": {"tools": [{"type": "endCall"}]}}, {"endCall": []}, {}),
        # an object of another type makes way for the first field that is set in it
        ({"model": "gpt-4o"}, {"model__provider": "openai"}, {"model": {"provider": "openai"}}),
        ({"server": {"url": "https://a.com"}}, {"server__url": ""}, {}),
        (
            {},
            {"artifactPlan__recordingEnabled": "false"},
            {"artifactPlan": {"recordingEnabled": False}},
        ),
    ],
)
def test_objects_come_and_go_with_their_fields(
    assistant: Any, changes: dict[str, Any], wanted: Any
) -> None:
    assert edited(assistant, **changes).assistant == wanted


def test_inputs_that_were_not_sent_change_nothing_but_checkboxes() -> None:
    made = applied(FULL, {}).assistant
    assert differences(FULL, made) == [
        "model.toolIds=null",
        f"model.tools={json.dumps([FULL['model']['tools'][n] for n in (0, 2)])}",
    ]
