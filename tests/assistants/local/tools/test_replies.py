"""The answers of real servers: what the model gets of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assistants.local.tools.definitions import Message, ToolMessageType
from app.assistants.local.tools.replies import MAX_ERROR, read_refusal, read_reply, sentence
from app.assistants.local.tools.run import Outcome, ToolFailed

MINE = {"toolCallId": "call_1", "result": "done"}
OTHER = {"toolCallId": "call_2", "result": "other"}


def read(answer: Any) -> Outcome:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_reply(body, "call_1")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"results": [MINE]}, "done"),
        ({"results": [OTHER, MINE]}, "done"),
        ({"results": [{"name": "book", "result": "done"}]}, "done"),  # no id
        ({"results": [OTHER]}, "other"),  # another id: there is one call only
        ({"results": [{**MINE, "result": {"a": [1]}}]}, '{"a": [1]}'),
        ({"results": [{**MINE, "result": ["a", "b"]}]}, '["a", "b"]'),
        ({"results": [{**MINE, "result": 7}]}, "7"),
        ({"results": [{**MINE, "result": False}]}, "false"),
        ({"results": [{**MINE, "result": ""}]}, ""),
        ({"results": [{**MINE, "error": None}]}, "done"),
        ({"results": [{**MINE, "error": "late"}]}, "done"),
        ({"results": MINE}, "done"),  # an object for the list
        ({"results": ["done"]}, "done"),  # the bare result
        ({"result": "done"}, "done"),
        ({"result": {"slots": 2}}, '{"slots": 2}'),
        ({"slots": 2}, '{"slots": 2}'),  # none of Vapi's forms
        ([1, 2], "[1, 2]"),
        ("done", "done"),
        (b"Booked for Monday.", "Booked for Monday."),
    ],
)
def test_a_result(answer: Any, text: str) -> None:
    assert read(answer).text == text


@pytest.mark.parametrize(
    ("answer", "text", "told"),
    [
        ({"results": [{"toolCallId": "call_1", "error": "No slot."}]}, "No slot.", True),
        ({"error": "No slot."}, "No slot.", True),
        ({"results": [], "error": "No slot."}, "No slot.", True),
        ({"error": {"message": "No slot."}}, "No slot.", True),
        ({"error": '{"error": {"message": "No slot."}}'}, "No slot.", True),  # quoted
        ({"error": '"No slot."'}, "No slot.", True),
        ({"error": "Error: No\n  slot."}, "No slot.", True),
        ({"error": {"code": 7}}, '{"code": 7}', True),
        ({"results": []}, "the server's answer has no result of this toolCallId", False),
        ({"results": [OTHER, OTHER]}, "the server's answer has no result", False),
        ({"results": [{"toolCallId": "call_1"}]}, "the server's answer has no result", False),
        ({"result": None}, "the server's answer has no result", False),
        (b"", "the server's answer is empty", False),
        (b"<!DOCTYPE html><p>Bad gateway", "the server answered with a web page", False),
    ],
)
def test_an_error_is_one_clean_sentence(answer: Any, text: str, told: bool) -> None:
    with pytest.raises(ToolFailed) as caught:
        read(answer)
    assert str(caught.value).startswith(text)
    assert caught.value.told is told


def test_results_of_another_status_count() -> None:
    body = json.dumps({"results": [MINE]}).encode()
    assert read_refusal("the server answered 500", body, "call_1").text == "done"
    for none in (b"", b"Bad gateway", b'{"status": "bad"}', b"[]"):
        with pytest.raises(ToolFailed, match="the server answered 500"):
            read_refusal("the server answered 500", none, "call_1")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Booked.", Message(ToolMessageType.COMPLETE, "Booked.", 1.0)),
        (
            {"type": "request-complete", "content": "Be brief.", "role": "system"},
            Message(ToolMessageType.COMPLETE, "Be brief.", 1.0, role="system"),
        ),
        (
            {"type": "request-complete", "content": "Bye.", "endCallAfterSpokenEnabled": True},
            Message(ToolMessageType.COMPLETE, "Bye.", 1.0, ends_call=True),
        ),
        (
            {"contents": [{"type": "text", "text": "Booked.", "language": "en"}]},
            Message(ToolMessageType.COMPLETE, "Booked.", 1.0),
        ),
        ({"type": "request-complete"}, None),
        (7, None),
    ],
)
def test_the_servers_own_words(message: Any, expected: Message | None) -> None:
    assert read({"results": [{**MINE, "message": message}]}).message == expected


def test_words_of_a_failure() -> None:
    message = {"type": "request-failed", "content": "I cannot."}
    with pytest.raises(ToolFailed) as caught:
        read({"results": [{"toolCallId": "call_1", "error": "full", "message": message}]})
    assert caught.value.message == Message(ToolMessageType.FAILED, "I cannot.", 1.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["results", "result", "error", "message"]), inner)
    ),
    max_leaves=6,
)


@given(JSON)
def test_any_answer_is_a_result_or_a_failure(answer: Any) -> None:
    try:
        text = read(answer).text
    except ToolFailed as failure:
        text = str(failure) or "no words"
    assert isinstance(text, str)
    assert len(sentence(answer)) <= MAX_ERROR
    assert "\n" not in sentence(answer)
