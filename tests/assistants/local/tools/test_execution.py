"""Tools in a call: what a server is asked, what is said meanwhile, and what the model learns.

The model's first answer is the tool's call, so the caller need not speak.
"""

from __future__ import annotations

import json
import logging
import math
import struct
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.domain.context import Reply
from providers.common.dtmf import COLUMNS, KEYS, ROWS
from providers.events import EndedReason
from tests.assistants.local.talk import MODEL, Call, Vendors, talking, vendors
from tests.clock import idle, on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.fakes.vendors.custom_voice import CustomVoice
from tests.media.server import BY_NAME

GENERATE = "assistant-speaks-first-with-model-generated-message"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "getWeather", "description": "Tells the weather.", "parameters": CITY}
OSLO = ("getWeather", ['{"city": ', '"Oslo"}'])
DESK = {"type": "number", "number": "+14155550101", "message": "I connect you."}


def tool(*messages: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": WEATHER, "messages": list(messages), **more}


def says(kind: str, content: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "content": content, **more}


def answer(result: Any = "sunny", **more: Any) -> Reply:
    one = {"toolCallId": "call_1", **({"result": result} if result is not None else {}), **more}
    return Reply(json.dumps({"results": [one]}).encode())


@asynccontextmanager
async def asked(
    tools: list[Any],
    *turns: Any,
    replies: list[Reply] | None = None,
    caller: Caller | None = None,
    **assistant: Any,
) -> AsyncIterator[tuple[Call, Vendors]]:
    """A call in which the model takes these turns; ``Surely.`` afterwards."""
    async with vendors("Yes.", replies="Surely.") as theirs:
        theirs.chat.script = list(turns)
        model = {**MODEL, "tools": tools, **assistant.pop("model", {})}
        whole = {"firstMessageMode": GENERATE, "model": model, **assistant}
        async with talking(caller or TwilioCaller(), whole, theirs) as call:
            call.domain.replies += replies or []
            yield call, theirs


def questions(call: Call) -> list[tuple[Any, ...]]:
    """What servers were asked: kind, fields, server."""
    return [told[2:] for told in call.domain.told if told[0] == "ask"]


def learned(theirs: Vendors) -> list[Any]:
    """The results of tools that the model was given last."""
    messages = theirs.chat.asked[-1].body["messages"]
    return [json.loads(each["content"]) for each in messages if each["role"] == "tool"]


# ------------------------------------------------------------------ a server is asked


@on_loop
async def test_a_server_is_asked_in_current_words() -> None:
    own = {"server": {"url": "https://tools.example/", "secret": "s"}}
    async with asked([tool(**own)], OSLO, replies=[answer()]) as (call, theirs):
        await call.said("AI: Surely.")
    [(kind, fields, server)] = questions(call)
    assert kind == "tool-calls"
    [one] = fields["toolCallList"]
    assert (one["id"], one["name"], one["arguments"]) == ("call_1", "getWeather", {"city": "Oslo"})
    assert one["function"] == {"name": "getWeather", "arguments": {"city": "Oslo"}}
    [listed] = fields["toolWithToolCallList"]
    assert (listed["type"], listed["function"]) == ("function", WEATHER)
    assert (server["url"], server["secret"]) == ("https://tools.example/", "s")
    assert learned(theirs) == ["sunny"]
    messages = call.domain.kept["messages"]
    assert [each["role"] for each in messages] == ["tool_calls", "tool_call_result", "bot"]
    assert messages[1]["result"] == "sunny"


@on_loop
async def test_a_server_is_asked_in_the_words_of_the_era() -> None:
    reply = Reply(json.dumps({"result": {"sky": "blue"}}).encode())
    model = {"functions": [WEATHER]}
    async with asked([], OSLO, replies=[reply], model=model) as (call, theirs):
        await call.said("AI: Surely.")
    [(kind, fields, server)] = questions(call)
    assert kind == "function-call"
    assert fields == {"functionCall": {"name": "getWeather", "parameters": {"city": "Oslo"}}}
    assert server is None  # the assistant's own
    assert learned(theirs) == [{"sky": "blue"}]


@on_loop
async def test_an_asynchronous_tool_is_not_waited_for() -> None:
    async with asked([tool(**{"async": True})], OSLO) as (call, theirs):
        may_answer = threading.Event()
        call.domain.ask = held(call, may_answer)  # type: ignore[method-assign]
        await call.said("AI: Surely.")
        await call.domain.hears("ask")
        may_answer.set()
    assert learned(theirs) == ["The tool was started."]
    assert call.reason is None


def held(call: Call, may_answer: threading.Event) -> Any:
    """A server that answers when it may."""
    ask = call.domain.ask

    def later(*args: Any) -> Reply:
        ask(*args)
        with idle():
            may_answer.wait(20)
        return answer()

    return later


# ------------------------------------------------------------------ what is said meanwhile


@on_loop
async def test_a_blocking_filler_is_spoken_before_the_server_is_asked() -> None:
    filler = says("request-start", "Let me see.", blocking=True)
    heard = list[bool]()
    async with asked([tool(filler)], OSLO) as (call, _):
        ask = call.domain.ask

        def listen(*args: Any) -> Reply:
            heard.append(call.sounds())
            ask(*args)
            return answer()

        call.domain.ask = listen  # type: ignore[method-assign]
        await call.said("AI: Surely.")
    assert heard == [True]
    assert call.transcript == "AI: Let me see.\nAI: Surely.\n"


@on_loop
async def test_fillers_are_spoken_while_the_server_works() -> None:
    start = says("request-start", "Let me see.")
    late = says("request-response-delayed", "Still looking.", timingMilliseconds=50)
    may_answer = threading.Event()
    async with asked([tool(start, late)], OSLO) as (call, theirs):
        call.domain.ask = held(call, may_answer)  # type: ignore[method-assign]
        await call.said("Let me see.")
        await call.said("Still looking.")
        may_answer.set()
        await call.said("AI: Surely.")
    assert learned(theirs) == ["sunny"]


@pytest.mark.parametrize(
    ("message", "requests", "heard"),
    [
        # spoken instead of the model's words
        (says("request-complete", "It is sunny."), 1, "AI: It is sunny."),
        # a hint to the model, which speaks
        (says("request-complete", "Be brief.", role="system"), 2, "AI: Surely."),
        # of another city
        (
            says(
                "request-complete",
                "In Rome.",
                conditions=[{"param": "city", "operator": "eq", "value": "Rome"}],
            ),
            2,
            "AI: Surely.",
        ),
    ],
    ids=["spoken", "hint", "condition"],
)
@on_loop
async def test_what_is_said_when_it_is_done(
    message: Mapping[str, Any], requests: int, heard: str
) -> None:
    async with asked([tool(message)], OSLO, replies=[answer()]) as (call, theirs):
        await call.said(heard)
    assert len(theirs.chat.asked) == requests
    assert call.transcript == f"{heard}\n"
    if message.get("role") == "system":
        assert learned(theirs) == ["sunny\nBe brief."]


@on_loop
async def test_the_last_word_of_a_tool_ends_the_call() -> None:
    bye = says("request-complete", "It is sunny. Bye.", endCallAfterSpokenEnabled=True)
    async with asked([tool(bye)], OSLO, replies=[answer()]) as (call, _):
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
    assert call.transcript == "AI: It is sunny. Bye.\n"


# ------------------------------------------------------------------ what fails


@on_loop
async def test_a_failure_is_told_to_the_model() -> None:
    replies = [answer(None, error="no such city")]
    async with asked([tool()], OSLO, replies=replies) as (call, theirs):
        await call.said("AI: Surely.")
    assert learned(theirs) == ["Error: no such city"]
    assert call.reason is None


@on_loop
async def test_half_a_surrogate_pair_reaches_nothing() -> None:
    """The model gives one to a tool, and gets one back: no SDK could send either."""
    oslo = ("getWeather", ['{"city": "Oslo \\ud83d"}'])
    async with asked([tool()], oslo, "A \ud83d.", replies=[answer("\ud83d sun")]) as (call, theirs):
        await call.said("AI: A \ufffd.")
        call.say("book")
        await call.said("AI: Surely.")
    [(_, fields, _)] = questions(call)
    assert fields["toolCallList"][0]["arguments"] == {"city": "Oslo \ufffd"}
    assert learned(theirs) == ["\ufffd sun"]
    assert call.reason is None


@on_loop
async def test_a_failure_may_have_words_of_its_own() -> None:
    failed = says("request-failed", "I cannot see it.")
    async with asked([tool(failed)], OSLO) as (call, theirs):
        await call.said("AI: I cannot see it.")
    assert len(theirs.chat.asked) == 1


@on_loop
async def test_a_call_without_a_record_keeps_no_failures_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "app")
    canary = "c4n4ry-of-a-caller"
    replies = [Reply(error=canary)] * 2
    plan = {"hipaaEnabled": True}
    async with asked([tool()], OSLO, OSLO, replies=replies, compliancePlan=plan) as (call, theirs):
        assert await call.end() is EndedReason.PIPELINE_ERROR_FUNCTION_FAILED
    assert canary in str(learned(theirs))
    assert call.message == "getWeather: its words are not kept"
    assert "tool getWeather failed: its words are not kept" in caplog.text
    assert canary not in caplog.text


@pytest.mark.parametrize(
    ("tools", "turn", "replies", "reason"),
    [
        # the server answers nothing, twice
        ([tool()], OSLO, [], EndedReason.PIPELINE_ERROR_FUNCTION_FAILED),
        # the server answers another question
        (
            [tool()],
            OSLO,
            [Reply(b'{"results": []}')] * 2,
            EndedReason.PIPELINE_ERROR_FUNCTION_FAILED,
        ),
        # the model invents keys
        (
            [{"type": "dtmf"}],
            ("dtmf", ['{"dtmf": "hash"}']),
            [],
            EndedReason.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED,
        ),
        # the model invents a destination, and a whole one
        (
            [{"type": "transferCall", "destinations": [DESK]}],
            ("transferCall", ['{"destination": {"type": "number", "number": "+14155550199"}}']),
            [],
            EndedReason.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED,
        ),
        (
            [{"type": "transferCall", "destinations": [DESK]}],
            ("transferCall", ['{"destination": "+1999"}']),
            [],
            EndedReason.PIPELINE_ERROR_EXTRA_FUNCTION_FAILED,
        ),
    ],
    ids=["silent server", "wrong answer", "keys", "whole destination", "destination"],
)
@on_loop
async def test_a_tool_that_goes_on_failing_ends_the_call(
    tools: list[Any], turn: Any, replies: list[Reply], reason: EndedReason
) -> None:
    async with asked(tools, turn, turn, replies=list(replies)) as (call, _):
        assert await call.end() is reason


@on_loop
async def test_a_filler_that_cannot_be_spoken() -> None:
    """By a voice that has no reason of its own."""
    filler = says("request-start", "Let me see.", blocking=True)
    async with CustomVoice() as voice, vendors("Yes.", replies="Surely.") as theirs:
        theirs.chat.script = ["Hello.", OSLO]
        assistant = {
            "firstMessageMode": GENERATE,
            "model": {**MODEL, "tools": [tool(filler)]},
            "voice": {"provider": "custom-voice", "server": {"url": f"{voice.url}/say"}},
        }
        async with talking(VonageCaller(), assistant, theirs) as call:
            await call.said("AI: Hello.")
            voice.status = 500
            call.say("yes")
            assert await call.end() is EndedReason.PIPELINE_ERROR_FUNCTION_FILLER_FAILED


# ------------------------------------------------------------------ built in


@BY_NAME
@on_loop
async def test_the_model_ends_the_call(caller: Caller) -> None:
    """With the assistant's last words."""
    turn = ("endCall", ["{}"])
    more = {"endCallFunctionEnabled": True, "endCallMessage": "Good bye, {{name}}."}
    named = {"variableValues": {"name": "Ann"}}
    async with asked([], turn, caller=caller, **more, **named) as (call, theirs):
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
    assert call.transcript == "AI: Good bye, Ann.\n"
    assert call.sounds()
    assert len(theirs.chat.asked) == 1


@on_loop
async def test_the_call_is_transferred_after_the_words() -> None:
    turn = ("transferCall", ['{"destination": "+14155550101"}'])
    spoken = list[str]()
    places = {"type": "transferCall", "destinations": [{**DESK, "number": "+1999"}, DESK]}
    async with asked([places], turn) as (call, theirs):
        transfer = call.domain.transfer

        def listen(*args: Any) -> str | None:
            spoken.append(call.transcript)
            return transfer(*args)

        call.domain.transfer = listen  # type: ignore[method-assign]
        *_, destination, _message = await call.domain.hears("transfer")
        assert call.sounds()
    assert spoken == ["AI: I connect you.\n"]
    assert destination == DESK
    assert len(theirs.chat.asked) == 1


@on_loop
async def test_a_refused_transfer_is_told_to_the_model() -> None:
    turn = ("transferCall", ["{}"])
    more = {"forwardingPhoneNumber": "+14155550101"}
    async with asked([], **more) as (call, theirs):
        call.domain.refuses_transfer = "the country is not allowed"
        theirs.chat.script = [turn]
        await call.said("AI: Surely.")
    assert learned(theirs) == ["Error: the country is not allowed"]
    assert call.reason is None


@on_loop
async def test_the_server_names_the_destination() -> None:
    """Its texts are templates, as everywhere."""
    named = {**DESK, "number": "{{desk}}", "message": "I connect you, {{name}}."}
    reply = Reply(json.dumps({"destination": named}).encode())
    turn = ("transferCall", ["{}"])
    values = {"desk": DESK["number"], "name": "Ann"}
    tools = [{"type": "transferCall"}]
    async with asked(tools, turn, replies=[reply], variableValues=values) as (call, _):
        *_, destination, _message = await call.domain.hears("transfer")
    [(kind, _, _)] = questions(call)
    assert kind == "transfer-destination-request"
    assert destination == {**DESK, "message": "I connect you, Ann."}
    assert "AI: I connect you, Ann." in call.transcript


@pytest.mark.parametrize(
    "beside",
    [
        {"destination": {**DESK, "message": {"contents": [{"text": "To the {{desk}}."}]}}},
        {"destination": {**DESK, "message": {"content": "To the {{desk}}."}}},
        {"destination": {**DESK, "message": None}, "message": {"content": "To the {{desk}}."}},
    ],
)
@on_loop
async def test_the_tools_own_server_names_it_and_the_words(beside: Any) -> None:
    """Each of Vapi's forms of a message."""
    given = {"destination": {k: v for k, v in beside["destination"].items() if v is not None}}
    reply = Reply(json.dumps({**beside, **given}).encode())
    own = {"type": "transferCall", "server": {"url": "https://tools.example/"}}
    more = {"variableValues": {"desk": "front desk"}}
    turn = ("transferCall", ["{}"])
    async with asked([own], turn, replies=[reply], **more) as (call, _):
        await call.domain.hears("transfer")
    [(_, _, server)] = questions(call)
    assert server["url"] == "https://tools.example/"
    assert "AI: To the front desk." in call.transcript


@on_loop
async def test_a_server_says_why_it_names_no_destination() -> None:
    reply = Reply(b'{"error": {"message": "The desk is closed."}}')
    turn = ("transferCall", ["{}"])
    async with asked([{"type": "transferCall"}], turn, replies=[reply]) as (call, theirs):
        await call.said("AI: Surely.")
    assert learned(theirs) == ["Error: The desk is closed."]


@BY_NAME
@on_loop
async def test_keys_are_pressed(caller: Caller) -> None:
    turn = ("dtmf", ['{"dtmf": "4w2#"}'])
    more = {"dialKeypadFunctionEnabled": True}
    async with asked([], turn, caller=caller, **more) as (call, theirs):
        await call.said("AI: Surely.")
    assert keys(bytes(call.heard), caller.rate).startswith("42#")
    assert learned(theirs) == ["The keys 4w2# were pressed."]


STEP_SECONDS = 0.05


def keys(pcm: bytes, rate: int) -> str:
    """The keys whose two tones are heard, one after another (Goertzel's filter)."""
    size = int(rate * STEP_SECONDS)
    found = list[str]()
    for at in range(0, len(pcm) // 2 - size, size):
        samples = struct.unpack_from(f"<{size}h", pcm, 2 * at)
        found.append(_key(samples, rate))
    pressed = [key for key, before in zip(found, ["", *found], strict=False) if key != before]
    return "".join(pressed)


def _key(samples: tuple[int, ...], rate: int) -> str:
    rows, columns = ([_power(samples, hertz, rate) for hertz in each] for each in (ROWS, COLUMNS))
    whole = sum(value * value for value in samples) * len(samples) / 2
    if max(rows) + max(columns) < 0.8 * whole or not whole:
        return ""
    return KEYS[rows.index(max(rows))][columns.index(max(columns))]


def _power(samples: tuple[int, ...], hertz: float, rate: int) -> float:
    factor = 2 * math.cos(2 * math.pi * hertz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    return before * before + last * last - factor * before * last
