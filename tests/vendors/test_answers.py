"""A model's server that answers 200 with something else than a stream: spoken, or told."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from app.vendors.anthropic.answer import MESSAGES_ANSWER
from app.vendors.common.event_stream import MAX_WHOLE, EventReader, NoAnswer
from app.vendors.llm import make_model
from app.vendors.openai.answer import CHAT_ANSWER
from tests.clock import on_loop
from tests.fakes.vendors.anthropic import Anthropic
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.served import Fault
from tests.vendors.test_llm import WEATHER, at, config
from tests.vendors.turn import turn

JSON, EVENTS, HTML = "application/json", "text/event-stream", "text/html"


def whole(message: object, name: str = "message", **more: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, name: message, **more}]}).encode()


def event(delta: object, **more: Any) -> bytes:
    return b"data: " + whole(delta, "delta", **more) + b"\n\n"


CALL = {"id": "c1", "function": {"name": "getWeather", "arguments": {"city": "Oslo"}}}
SPOKEN: dict[str, tuple[bytes, str, int]] = {
    "a message": (whole({"role": "assistant", "content": "Good day."}), JSON, 200),
    # as a public sample of a model's server answers
    "a delta with 201": (whole({"content": "Good day."}, "delta"), JSON, 201),
    "parts": (whole({"content": [{"type": "text", "text": "Good day."}]}), JSON, 200),
    "a wrong type": (event({"content": "Good day."}) + b"data: [DONE]\n\n", HTML, 200),
    "no done": (event({"content": "Good day."}), EVENTS, 200),
    "a comment first": (b": hello\n\n" + event({"content": "Good day."}), EVENTS, 200),
    "a mark first": (b"\xef\xbb\xbf" + whole({"content": "Good day."}), JSON, 200),
}
TOLD: dict[str, tuple[bytes, str, str]] = {
    "a page": (b"<html><h1>Sign in</h1></html>", HTML, "Sign in"),
    "an empty object": (b"{}", JSON, "{}"),
    "no choice": (b'{"choices": []}', JSON, "choices"),
    "an error": (b'{"error": {"message": "no money"}}', JSON, "no money"),
    "nothing": (b"", EVENTS, "(empty)"),
    "text": (b"Good day.", "text/plain", "Good day."),
    "not JSON": (b'{"choices', JSON, "choices"),
    "empty events": (event({}) + event({"content": ""}), EVENTS, "without an answer"),
    "comments": (b": wait\n\n" * 3, EVENTS, "wait"),
    "messages": (b"data: " + whole({"content": "Hi"}) + b"\n\n", EVENTS, "delta"),
    "no tokens left": (event({}, finish_reason="length"), EVENTS, "maxTokens"),
    "filtered": (event({}, finish_reason="content_filter"), EVENTS, "filter"),
}


@pytest.mark.parametrize("name", SPOKEN)
@on_loop
async def test_an_answer_is_spoken(name: str) -> None:
    body, kind, status = SPOKEN[name]
    async with Chat() as served:
        served.faults = [Fault(status, instead=(body, kind))]
        heard = await turn(make_model(config("custom-llm"), at(served, "custom-llm")))
    assert (heard.text, heard.errors) == ("Good day.", [])


@on_loop
async def test_a_compressed_answer_is_spoken() -> None:
    body = gzip.compress(event({"content": "Good day."}))
    async with Chat() as served:
        served.faults = [Fault(instead=(body, EVENTS), headers={"Content-Encoding": "gzip"})]
        heard = await turn(make_model(config("custom-llm"), at(served, "custom-llm")))
    assert (heard.text, heard.errors) == ("Good day.", [])


@on_loop
async def test_a_whole_answer_calls_its_tools_and_is_counted() -> None:
    used = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    choices = [{"message": {"content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]}}]
    body = json.dumps({"choices": choices, "usage": used}).encode()
    async with Chat() as served:
        served.faults = [Fault(instead=(body, JSON))]
        service = make_model(config("custom-llm"), at(served, "custom-llm"))
        heard = await turn(service, tools=[WEATHER])
    assert heard.called == [("getWeather", {"city": "Oslo"})] * 2
    assert heard.usage == [(3, 4)]
    assert heard.errors == []


@pytest.mark.parametrize("name", TOLD)
@on_loop
async def test_what_is_no_answer_is_told(name: str) -> None:
    body, kind, says = TOLD[name]
    async with Chat() as served:
        served.faults = [Fault(instead=(body, kind))]
        heard = await turn(make_model(config("custom-llm"), at(served, "custom-llm")))
    [error] = heard.errors
    assert says in error.error
    assert heard.text == ""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "{}"),
        (b"", "(empty)"),
        (b'data: {"type": "ping"}\n\n', "ping"),
        (b'data: {"type": "message_delta", "delta": {"stop_reason": "refusal"}}\n\n', "refused"),
    ],
)
@on_loop
async def test_what_is_no_answer_of_anthropics_is_told(body: bytes, says: str) -> None:
    async with Anthropic() as served:
        served.faults = [Fault(instead=(body, EVENTS))]
        heard = await turn(make_model(config("anthropic"), at(served, "anthropic")))
    [error] = heard.errors
    assert says in error.error


@on_loop
async def test_a_silent_model_is_no_fault() -> None:
    """It ended by itself, as after a tool that says all."""
    for body in (b"data: [DONE]\n\n", event({}, finish_reason="stop"), whole({"content": ""})):
        async with Chat() as served:
            served.faults = [Fault(instead=(body, EVENTS))]
            heard = await turn(make_model(config("custom-llm"), at(served, "custom-llm")))
        assert (heard.text, heard.errors) == ("", [])


def test_pieces_of_any_length_are_read_alike() -> None:
    """Of what comes in, every byte goes out."""
    streams = [event({}) + event({"content": "Hi"}), b"\r\n" + event({"content": "é"})]
    for stream in (*streams, b'data: {"type": "message_stop"}\n\n'):
        for size in (1, 2, 7, len(stream)):
            reader = EventReader(MESSAGES_ANSWER if b"type" in stream else CHAT_ANSWER)
            pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
            out = b"".join(reader.feed(each) for each in pieces) + reader.finish()
            assert out.lstrip() == stream.lstrip()


def test_what_an_error_quotes_is_bounded() -> None:
    for body in (b"{" + b"x" * MAX_WHOLE, b" " * (MAX_WHOLE + 1), b"y" * 5000, b"<" + b"z" * 9000):
        with pytest.raises(NoAnswer) as caught:
            read_whole(body)
        assert len(str(caught.value)) < 300


def read_whole(body: bytes) -> bytes:
    reader = EventReader(CHAT_ANSWER)
    return reader.feed(body) + reader.finish()
