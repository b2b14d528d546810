"""What a server's reply to ``assistant-request`` means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assistant import validate
from app.domain.context import Reply
from app.domain.legs.assistant_reply import ChosenAssistant, ChosenDestination, ChosenMembers, judge
from app.domain.legs.no_assistant import Refusal, debugging
from providers.events import EndedReason as R

ERROR = R.ASSISTANT_REQUEST_RETURNED_ERROR
INVALID = R.ASSISTANT_REQUEST_RETURNED_INVALID_ASSISTANT
NONE = R.ASSISTANT_REQUEST_RETURNED_NO_ASSISTANT
THERE = {"type": "number", "number": "+14155550188"}

TWO = {"members": [{"assistant": {"name": "Ann"}}, {"assistantId": "abc"}]}

REPLIES: list[tuple[Any, Any]] = [
    ({"assistantId": "ABC"}, ChosenAssistant("abc")),
    ({"assistant": {"name": "x"}}, ChosenAssistant(None, {"name": "x"})),
    (
        {"assistantId": "abc", "assistantOverrides": {"name": "y"}},
        ChosenAssistant("abc", overrides={"name": "y"}),
    ),
    ({"destination": THERE}, ChosenDestination(THERE)),
    # what comes first in this order counts, wherever it stands
    ({"assistant": {}, "assistantId": "abc", "destination": THERE}, ChosenDestination(THERE)),
    ({"destination": THERE, "error": "No."}, Refusal(ERROR, "No.", spoken="No.")),
    ({"assistant": {}, "assistantId": "abc"}, ChosenAssistant("abc")),
    # null is not given
    ({"error": None, "assistantId": "abc"}, ChosenAssistant("abc")),
    ({"assistantId": None}, Refusal(NONE, "the reply names no assistant")),
    ({}, Refusal(NONE, "the reply names no assistant")),
    # a squad, with the overrides of its members
    ({"squadId": "ABC"}, ChosenMembers("abc")),
    ({"squad": TWO}, ChosenMembers(None, TWO)),
    (
        {"squad": TWO, "squadOverrides": {"name": "x"}, "assistantOverrides": {"name": "y"}},
        ChosenMembers(None, TWO, {"name": "y"}, {"name": "x"}),
    ),
    ({"squad": TWO, "assistantId": "abc"}, ChosenAssistant("abc")),
    ({"squad": {"members": []}}, Refusal(INVALID, "squad is not valid")),
    ({"squad": {"members": [{"assistantId": 7}]}}, Refusal(INVALID, "squad is not valid")),
    ({"squadId": 7}, Refusal(INVALID, "squadId is not valid")),
    ({"squadId": "abc", "squadOverrides": 7}, Refusal(INVALID, "squadOverrides is not valid")),
    # nor is an empty text
    ({"error": "", "destination": "", "assistantId": "", "assistant": {"name": "x"}},
     ChosenAssistant(None, {"name": "x"})),
    # not what it should be
    ([], Refusal(INVALID, "the reply is not a JSON object")),
    ({"assistant": "abc"}, Refusal(INVALID, "assistant is not valid")),
    ({"assistantId": 7}, Refusal(INVALID, "assistantId is not valid")),
    ({"destination": "+1415"}, Refusal(INVALID, "destination is not valid")),
    ({"assistant": {}, "assistantOverrides": []}, Refusal(INVALID, "assistantOverrides is not valid")),
    ({"error": {"code": 7}}, Refusal(ERROR, "error is not a text")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "verdict"), REPLIES, ids=lambda value: str(value)[:40])
def test_reply(body: Any, verdict: Any) -> None:
    assert judge(Reply(json.dumps(body).encode())) == verdict


def test_no_answer_is_an_error() -> None:
    assert judge(Reply(error="no answer within 7.5 s")) == Refusal(ERROR, "no answer within 7.5 s")


@pytest.mark.parametrize(
    "body",
    [b'{"error": NaN}', b'{"assistant": {"x": 1e999}}', b'{"assistant":' * 40 + b"1" + b"}" * 40],
)
def test_what_no_store_can_keep_is_not_valid(body: bytes) -> None:
    verdict = judge(Reply(body))
    assert isinstance(verdict, Refusal)
    assert verdict.reason is INVALID


def test_text_no_store_can_keep_is_cleaned() -> None:
    told = judge(Reply(rb'{"error": "a\u0000b\ud800c \ud83d\ude00"}'))
    assert told == Refusal(ERROR, "a\ufffdb\ufffdc \U0001f600", "a\ufffdb\ufffdc \U0001f600")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"server": {"secret": "café"}}, "server.secret"),
        ({"serverUrlSecret": "a\nb"}, "serverUrlSecret"),
        ({"transport": {"headers": {"X Y": "b"}}}, "transport.headers.X Y"),
        (
            {"model": {"tools": [{"server": {"headers": {"X": 7}}}]}},
            "model.tools.0.server.headers.X",
        ),
        ({"model": {"url": "ws://a.example"}}, "model.url"),
    ],
)
def test_a_header_that_cannot_be_sent(given: dict[str, Any], path: str) -> None:
    assert (validate.unsendable(given) or "").startswith(f"{path} must")
    assert validate.unsendable({"name": "x"}) is None
    assert validate.unsendable(None) is None


@pytest.mark.parametrize(
    "assistant",
    [
        {"serverUrl": "", "serverUrlSecret": ""},
        {"server": {"url": "", "credentialId": "x", "staticIpAddressesEnabled": True}},
        {"transport": {"provider": "", "url": ""}},
        {"model": {"provider": "", "url": ""}, "voice": {"provider": "", "voiceId": ""}},
        {"firstMessage": "", "voice": {"provider": "", "server": {"url": ""}}},
    ],
)
def test_an_empty_text_hangs_nobody_up(assistant: dict[str, Any]) -> None:
    assert validate.problem(assistant, lambda url: f"{url!r} is called") is None
    assert validate.unsendable(assistant) is None


def test_an_empty_body_names_nobody() -> None:
    assert judge(Reply(b" ")) == Refusal(NONE, "the reply names no assistant")


@given(st.one_of(st.binary(max_size=60), st.just(b"[" * 100_000)))
def test_any_bytes_have_a_verdict(body: bytes) -> None:
    assert isinstance(
        judge(Reply(body)), Refusal | ChosenDestination | ChosenAssistant | ChosenMembers
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*validate.FIELDS, "model"]), JSON, max_size=4))
def test_any_assistant_is_judged(assistant: dict[str, Any]) -> None:
    found = validate.problem(assistant, lambda url: None)
    assert found is None or found.endswith("is not valid")


@pytest.mark.parametrize(
    ("assistant", "field"),
    [
        ({"name": "x" * 41}, "name"),
        ({"maxDurationSeconds": 9}, "maxDurationSeconds"),
        ({"maxDurationSeconds": "600"}, "maxDurationSeconds"),
        ({"server": {"url": "ftp://example.com"}}, "server"),
        ({"server": {"headers": {"a": 1}}}, "server"),
        ({"serverUrl": "https://"}, "serverUrl"),
        ({"transport": {"provider": "stream"}}, "transport"),  # a stream of what?
        ({"transport": {"provider": "stream", "url": "https://example.com"}}, "transport"),
        ({"serverMessages": "status-update"}, "serverMessages"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_an_invalid_assistant(assistant: dict[str, Any], field: str) -> None:
    assert validate.problem(assistant, lambda url: None) == f"{field} is not valid"


@pytest.mark.parametrize(
    ("field", "assistant"),
    [
        ("transport.url", {"transport": {"provider": "stream", "url": "ws://10.0.0.1/x"}}),
        # the caller's voice is sent there
        (
            "transcriber.server.url",
            {
                "transcriber": {
                    "provider": "custom-transcriber",
                    "server": {"url": "ws://10.0.0.1/x"},
                }
            },
        ),
    ],
)
def test_an_address_that_may_not_be_called_is_no_assistant(
    field: str, assistant: dict[str, Any]
) -> None:
    found = validate.problem(assistant, lambda url: f"{url} is private")
    assert found == f"{field}: ws://10.0.0.1/x is private"


@pytest.mark.parametrize("holder", [None, "assistant", "assistantOverrides"])
def test_a_reply_that_is_shown_has_no_secrets(holder: str | None) -> None:
    """A server may forget the word around the assistant."""
    server = {"url": "https://a.example/", "secret": "c4n4ry"}
    found: Any = {"server": server, "credentials": [{"provider": "openai", "apiKey": "c4n4ry"}]}
    reply = {holder: found} if holder else found
    told = debugging(Refusal(NONE, response=json.dumps(reply).encode()), None)
    shown = {"server": {"url": "https://a.example/"}}
    assert told["assistantRequestResponse"] == ({holder: shown} if holder else shown)


def test_nor_has_one_that_is_no_json() -> None:
    told = debugging(
        Refusal(INVALID, response=b'{"assistant": {"name": "x", "headers": {"a": "c4n4ry"}'), None
    )
    assert told["assistantRequestResponse"] == '{"assistant": {"name": "x", …'
