"""Whole conversations with a model that hears and speaks by itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.assistants.local.transcript.conversation import Conversation
from app.domain.context import Reply as Answer
from app.vendors.common.account import VendorAccount
from providers.events import EndedReason
from tests.assistants.local.talk import Call, talking
from tests.clock import idle, on_loop
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import Caller
from tests.fakes.vendors.gemini_live import GeminiLive
from tests.fakes.vendors.realtime_model import RealtimeModel
from tests.fakes.vendors.speech_to_speech import Reply, SpeechToSpeech
from tests.media.server import BY_NAME

OPENAI = {"provider": "openai", "model": "gpt-realtime-2025-08-28"}
GOOGLE = {"provider": "google", "model": "gemini-2.0-flash-realtime-exp"}
VENDORS: dict[str, tuple[dict[str, Any], type[SpeechToSpeech]]] = {
    "openai": (OPENAI, RealtimeModel),
    "google": (GOOGLE, GeminiLive),
}
EACH = pytest.mark.parametrize("name", VENDORS)


def account(vendor: Any) -> dict[str, VendorAccount]:
    """Of both vendors, at the stand-in."""
    return {
        "openai": VendorAccount("key", f"{vendor.url}/v1"),
        "google": VendorAccount("key", f"{vendor.url}/v1beta/openai"),
    }


@EACH
@BY_NAME
@on_loop
async def test_three_turns(caller: Caller, name: str) -> None:
    model, kind = VENDORS[name]
    script = ("I would like to book a table.", "For two people, please.", "Thank you, goodbye.")
    assistant = {"firstMessage": "Hello there.", "model": model}
    async with (
        kind(*script, replies=["Surely."]) as vendor,
        talking(caller, assistant, keys=account(vendor)) as call,
    ):
        await call.said("AI: Hello there.")
        assert call.sounds()
        for sentence, text in zip(("book", "two", "bye"), script, strict=True):
            before = call.transcript.count("AI:")
            call.say(sentence)
            await call.said(f"User: {text}")
            await call.until(lambda before=before: call.transcript.count("AI:") > before)
        await call.stop()
        await call.socket.close()
    assert vendor.complaints == []
    roles = [each["role"] for each in call.domain.kept["messages"]]
    assert roles == ["bot", "user", "bot", "user", "bot", "user", "bot"]


@asynccontextmanager
async def talk(
    name: str,
    *script: str,
    replies: Sequence[Reply] = ("Surely.",),
    given: Sequence[dict[str, Any]] = (),
    messages: Sequence[Mapping[str, Any]] = (),
    prepare: Callable[[Any], None] = lambda vendor: None,
    **assistant: Any,
) -> AsyncIterator[tuple[Call, Any]]:
    """A call with a model of this vendor. ``assistant``: its fields; ``model`` over the model's own."""
    model, kind = VENDORS[name]
    whole = {**assistant, "model": {**model, **assistant.get("model", {})}}
    async with kind(*script, replies=replies) as vendor:
        prepare(vendor)
        facts = {"messages": list(messages)} if messages else {}
        caller = FAKES["twilio"].caller("token-1")
        async with talking(caller, whole, keys=account(vendor), given=given, **facts) as call:
            try:
                yield call, vendor
            except BaseException:
                print("the vendor was told:", *without_sound(vendor), sep="\n  ")
                raise


def without_sound(vendor: SpeechToSpeech) -> list[str]:
    told = (json.dumps(each) for each in vendor.said)
    return [each for each in told if '"audio": "' not in each and "realtimeInput" not in each]


def said(call: Call, role: str) -> list[str]:
    return [
        each["message"] for each in call.domain.kept.get("messages", []) if each["role"] == role
    ]


LONG = "This is an answer that goes on and on and would not be over for quite a while yet, really."


@EACH
@on_loop
async def test_what_an_interruption_cuts_is_not_in_the_record(name: str) -> None:
    async with talk(name, "Wait, stop.", replies=["Yes?"], firstMessage=LONG) as (call, vendor):
        await call.until(call.sounds)
        call.pause(1.0)
        call.say("stop")
        await call.said("AI: Yes?")
        await call.said("User: Wait, stop.")
        assert call.clears == 1
        cut = said(call, "bot")[0]
        assert LONG.startswith(cut)
        assert 5 < len(cut) < 60
        [of_caller] = said(call, "user")
        assert of_caller == "Wait, stop."
        if name == "openai":
            [session] = vendor.sessions
            [(heard)] = session.truncated.values()
            # what was heard is what the record has: 15 characters a second
            assert abs(heard / 1000 * 15 - len(cut)) < 12
    assert vendor.complaints == []


TABLE = {
    "type": "function",
    "function": {
        "name": "table",
        "description": "Book a table.",
        "parameters": {"type": "object", "properties": {"people": {"type": "number"}}},
    },
    "messages": [{"type": "request-start", "content": "One moment."}],
}


def books() -> list[Reply]:
    return [[("table", {"people": 2})], "It is booked."]


@EACH
@on_loop
async def test_a_tool_of_the_clients_server(name: str) -> None:
    async with talk(name, "For two.", replies=books(), model={"tools": [TABLE]}) as (call, vendor):
        call.domain.replies.append(
            Answer(json.dumps({"results": [{"result": "table 7"}]}).encode())
        )
        call.say("two")
        await call.said("AI: It is booked.")
        roles = [each["role"] for each in call.domain.kept["messages"]]
    assert vendor.complaints == []
    assert {"tool_calls", "tool_call_result"} <= set(roles)
    sent = json.dumps(vendor.said)
    assert "table 7" in sent
    assert "Book a table." in sent
    assert "AI: One moment." in call.transcript


@EACH
@on_loop
async def test_a_result_that_comes_into_the_words_before_it_is_answered(name: str) -> None:
    """Once, behind them."""
    async with talk(name, "For two.", replies=books(), model={"tools": [TABLE]}) as (call, vendor):
        may_answer = threading.Event()
        call.domain.ask = held(call, may_answer)  # type: ignore[method-assign]
        call.say("two")
        await call.until(call.sounds)
        may_answer.set()
        await call.said("AI: It is booked.")
        assert said(call, "bot") == ["One moment.", "It is booked."]
    assert vendor.complaints == []


def held(call: Call, may_answer: threading.Event) -> Any:
    """A server that answers when it may."""

    def later(*_: Any) -> Answer:
        with idle():
            may_answer.wait(20)
        return Answer(json.dumps({"results": [{"result": "table 7"}]}).encode())

    return later


@EACH
@on_loop
async def test_the_tool_that_ends_the_call(name: str) -> None:
    tool = {"type": "endCall", "messages": [{"type": "request-start", "content": "Bye now."}]}
    replies: list[Reply] = [[("endCall", {})], "never said"]
    async with talk(name, "Goodbye.", replies=replies, model={"tools": [tool]}) as (call, vendor):
        call.say("bye")
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
        assert said(call, "bot") == ["Bye now."]
        assert said(call, "user") == ["Goodbye."]
    assert vendor.complaints == []


@EACH
@on_loop
async def test_a_transfer_says_its_message_first(name: str) -> None:
    place = {"type": "number", "number": "+14155550100", "message": "I transfer you."}
    tool = {"type": "transferCall", "destinations": [place]}
    replies: list[Reply] = [[("transferCall", {"destination": "+14155550100"})], "never said"]
    async with talk(name, "Please.", replies=replies, model={"tools": [tool]}) as (call, vendor):
        call.say("two")
        told = await call.domain.hears("transfer")
        assert told[2]["number"] == "+14155550100"
        await call.said("AI: I transfer you.")
    assert vendor.complaints == []


@EACH
@on_loop
async def test_live_control(name: str) -> None:
    waits = {"firstMessageMode": "assistant-waits-for-user"}
    async with talk(name, replies=["Sure."], **waits) as (call, vendor):
        call.give(type="say", content="Please wait.")
        await call.said("AI: Please wait.")
        quiet = {"role": "system", "content": "The caller is Ann."}
        call.give(type="add-message", message=quiet, triggerResponseEnabled=False)
        call.give(type="add-message", message={"role": "user", "content": "Greet me."})
        await call.said("AI: Sure.")
        call.give(type="control", control="mute-customer")
        call.say("book")
        call.pause(1.0)
        call.give(type="say", content="Bye.", endCallAfterSpoken=True)
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
        assert said(call, "bot") == ["Please wait.", "Sure.", "Bye."]
        assert said(call, "user") == ["Greet me."]
    assert vendor.complaints == []
    assert "The caller is Ann." in json.dumps(vendor.said)


@EACH
@on_loop
async def test_the_first_message_may_be_the_models_own(name: str) -> None:
    mode = {"firstMessageMode": "assistant-speaks-first-with-model-generated-message"}
    async with talk(name, replies=["Welcome to us."], **mode) as (call, vendor):
        await call.said("AI: Welcome to us.")
    assert vendor.complaints == []


@EACH
@on_loop
async def test_a_phrase_ends_the_call(name: str) -> None:
    replies = ["Thank you, goodbye."]
    phrases = {"endCallPhrases": ["goodbye"]}
    async with talk(name, "That is all.", replies=replies, **phrases) as (call, _):
        call.say("bye")
        assert await call.end() is EndedReason.ASSISTANT_SAID_END_CALL_PHRASE


@EACH
@on_loop
async def test_silence_ends_the_call_with_the_last_words(name: str) -> None:
    plan = {"silenceTimeoutSeconds": 10, "endCallMessage": "Nobody is there."}
    async with talk(name, firstMessage="Hello.", **plan) as (call, vendor):
        assert await call.end() is EndedReason.SILENCE_TIMED_OUT
        assert said(call, "bot") == ["Hello.", "Nobody is there."]
    assert vendor.complaints == []


@EACH
@on_loop
async def test_pressed_keys_are_a_turn(name: str) -> None:
    async with talk(name, replies=["You pressed one."], keypadInputPlan=KEYS) as (call, vendor):
        await call.press("1")
        await call.press("#")
        await call.said("AI: You pressed one.")
        assert said(call, "user") == ["DTMF: 1#"]
    assert vendor.complaints == []


KEYS = {"enabled": True, "delimiters": "#", "timeoutSeconds": 2}


@EACH
@on_loop
async def test_a_later_socket_of_the_call_goes_on(name: str) -> None:
    before = Conversation(clock=time.time)
    before.said("bot", "Hello there.")
    before.said("user", "A table for two, please.")
    greeting = {"firstMessage": "Hello there."}
    async with talk(name, messages=before.messages, **greeting) as (call, vendor):
        await call.said("AI: Surely.")
        assert said(call, "bot") == ["Hello there.", "Surely."]
    assert "A table for two, please." in json.dumps(vendor.said[0])
    assert vendor.complaints == []


def break_twice(vendor: Any) -> None:
    vendor.breaks = 2


@EACH
@on_loop
async def test_a_lost_socket_is_replaced_and_the_turn_is_answered(name: str) -> None:
    texts = ["Please."] * 3  # OpenAI's every session hears the turn
    async with talk(name, *texts, prepare=break_twice) as (call, vendor):
        call.say("two")
        await call.said("AI: Surely.")
        await call.said("User: Please.")
        assert len(vendor.sessions) == 3
    assert vendor.complaints == []


def leaves(vendor: Any) -> None:
    vendor.leaves = True


@on_loop
async def test_a_session_goes_on_at_another_socket() -> None:
    async with talk("google", "Please.", firstMessage="Hello.", prepare=leaves) as (call, vendor):
        await call.said("AI: Hello.")
        await call.until(lambda: len(vendor.sessions) == 2)
        call.say("two")
        await call.said("AI: Surely.")
        assert vendor.sessions[1].setup["sessionResumption"]["handle"].startswith("handle-")
    assert vendor.complaints == []


@EACH
@on_loop
async def test_an_answering_machine_gets_the_message(name: str) -> None:
    plan = {"voicemailDetection": {"provider": "vapi"}, "voicemailMessage": "Call me back."}
    greeting = "Please leave a message after the tone."
    waits = {"firstMessageMode": "assistant-waits-for-user"}
    async with talk(name, greeting, replies=["Hello?"], **plan, **waits) as (call, _):
        call.say("voicemail")
        assert await call.end() is EndedReason.VOICEMAIL
        assert said(call, "bot")[-1] == "Call me back."


@EACH
@on_loop
async def test_usage_has_the_tokens_of_sound(name: str) -> None:
    async with talk(name, "Please.", replies=["It is booked for two."]) as (call, _):
        call.say("two")
        await call.said("AI: It is booked for two.")
        await call.until(lambda: bool(call.domain.kept.get("performanceMetrics")))
        call.pause(1.0)
        await call.stop()
        await call.socket.close()
        await call.domain.until(lambda: bool(call.domain.spent))
    [used] = [each for each in call.domain.spent if each["type"] == "model"]
    assert used["model"]["provider"] == name
    assert used["promptTokens"] > used["promptAudioTokens"] > 0
    assert used["completionTokens"] >= used["completionAudioTokens"] > 20
    [*others] = [each for each in call.domain.spent if each["type"] != "model"]
    if name == "openai":  # its transcription of the caller has a price of its own
        ears = others.pop(0)
        assert ears["transcriber"] == {"provider": "openai", "model": "gpt-4o-mini-transcribe"}
        assert 0 < ears["minutes"] < 0.1
    assert [each["type"] for each in others] == ["vapi"]
    turn = call.domain.kept["performanceMetrics"]["turnLatencies"][0]
    assert turn["transcriberLatency"] == 0
    assert turn["turnLatency"] > 300


FAILURES: dict[str, tuple[str, Callable[[Any], None], dict[str, Any], EndedReason, str]] = {
    "a wrong key": (
        "openai",
        lambda vendor: setattr(vendor, "status", 401),
        {},
        EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        "HTTP 401",
    ),
    "a model that does not exist": (
        "openai",
        lambda vendor: None,
        {"model": "gpt-realtime-nowhere"},
        EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        "model_not_found",
    ),
    "no money left": (
        "openai",
        lambda vendor: setattr(
            vendor, "refuses", {"code": "insufficient_quota", "message": "You exceeded your quota."}
        ),
        {},
        EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        "You exceeded your quota.",
    ),
    "a socket that breaks again and again": (
        "openai",
        lambda vendor: setattr(vendor, "breaks", 9),
        {},
        EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        "the connection was lost",
    ),
    "no answer": (
        "openai",
        lambda vendor: setattr(vendor, "delay", 60.0),
        {},
        EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        "no answer in time",
    ),
    "a session that is never opened": (
        "openai",
        lambda vendor: setattr(vendor, "silent", True),
        {},
        EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        "",
    ),
    "a key that is none": (
        "google",
        lambda vendor: setattr(vendor, "closes", (1007, "API key not valid.")),
        {},
        EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        "API key not valid.",
    ),
    "a model that Google does not have": (
        "google",
        lambda vendor: None,
        {"model": "gemini-nowhere-live"},
        EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        "is not found",
    ),
    "no money left at Google": (
        "google",
        lambda vendor: setattr(
            vendor, "refuses", {"code": 1011, "reason": "You exceeded your current quota"}
        ),
        {},
        EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        "quota",
    ),
}


@pytest.mark.parametrize("row", FAILURES)
@on_loop
async def test_a_failure_ends_the_call_with_its_reason(row: str) -> None:
    name, prepare, model, reason, text = FAILURES[row]
    async with talk(name, prepare=prepare, model=model, firstMessage="Hello.") as (call, _):
        assert await call.end() is reason
        assert text in (call.message or "")
        assert f"{name} (model)" in (call.message or "")
