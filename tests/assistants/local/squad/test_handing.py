"""Calls that are handed from one assistant to the next, by each way to ask for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.domain.assistant.history import History
from app.domain.context import Reply
from app.vendors.common.account import VendorAccount
from providers.events import EndedReason
from tests.assistants.local.talk import MODEL, TRANSCRIBER, Call, Vendors, talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.vendors.gemini_live import GeminiLive

SAID = "I would like to book a table."
PLAN = {"type": "userAndAssistantMessages"}


def assistant(prompt: str, name: str, *tools: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    model = {**MODEL, "messages": [{"role": "system", "content": prompt}], "tools": list(tools)}
    patient = {"startSpeakingPlan": {"waitSeconds": 0.3}}
    return {**patient, "name": name, "model": model, "transcriber": TRANSCRIBER, **fields}


def handoff(**destination: Any) -> dict[str, Any]:
    return {"type": "handoff", "destinations": [{"type": "assistant", **destination}]}


def first(*tools: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return assistant("You greet.", "Ann", *tools, firstMessage="Hello there.", **fields)


def told(call: Call) -> Any:
    """What the call's row was given at its only handoff."""
    [found] = [each[3] for each in call.domain.told if each[0] == "handed"]
    return found


def spoken(call: Call) -> list[tuple[str, str]]:
    return [(each["role"], each["message"]) for each in call.domain.kept["messages"]]


async def ask(call: Call, theirs: Vendors, name: str, arguments: str = "{}") -> None:
    """The caller speaks, and the model calls this tool."""
    await call.said("AI: Hello there.")
    theirs.chat.script += [(name, [arguments])]
    call.say("book")


@on_loop
async def test_a_silent_handoff() -> None:
    """The next one answers what the caller said, with its own prompt, and ends the call."""
    tool = handoff(assistantName="Bob", contextEngineeringPlan={"type": "all"})
    end = {"type": "endCall"}
    listed = ["assistant.started"]
    phrases = ["good morning"]
    bob = assistant("You book.", "Bob", end, endCallPhrases=phrases, serverMessages=listed)
    async with (
        vendors(SAID) as theirs,
        talking(TwilioCaller(), first(tool), theirs) as call,
    ):
        call.domain.members["Bob"] = bob
        await ask(call, theirs, "handoff_to_Bob")
        assert await call.end() is EndedReason.ASSISTANT_SAID_END_CALL_PHRASE
    asked = theirs.chat.asked[-1].body
    assert [each["function"]["name"] for each in asked["tools"]] == ["endCall"]
    [prompt, hello, user, called, result, answer] = asked["messages"]
    assert prompt == {"role": "system", "content": "You book."}
    assert (hello["content"], user["content"]) == ("Hello there.", SAID)
    assert called["tool_calls"][0]["function"]["name"] == "handoff_to_Bob"
    assert result["content"] == "The call is handed over."
    assert answer["content"] == "(The call was handed to you.)"
    assert spoken(call) == [
        ("system", "You greet."),
        ("bot", "Hello there."),
        ("user", SAID),
        ("tool_calls", ""),
        ("tool_call_result", ""),
        ("system", "You book."),
        ("bot", "Good morning to you."),
    ]
    assert told(call).history.dump() == {"kept": [[1, 5]], "since": 5, "prompts": [[0, 1]]}
    started = [extra for kind, extra in call.domain.messages if kind == "assistant.started"]
    assert [each["newAssistant"]["name"] for each in started] == ["Bob"]
    metrics = call.domain.kept["performanceMetrics"]["turnLatencies"]
    assert len(metrics) == 1  # across both, from the caller's last word to Bob's first sound
    spent = {each["stream"] for each in call.domain.spent if each["type"] == "model"}
    assert len(spent) == 2


@on_loop
async def test_a_model_that_speaks_by_itself_is_told_what_was_said() -> None:
    """Its socket is opened with the caller's words, which it was warmed before."""
    tool = handoff(assistantName="Bob")
    async with (
        vendors(SAID) as theirs,
        GeminiLive("Yes, two.", replies=["I am Bob.", "Surely."]) as vendor,
        talking(
            TwilioCaller(),
            first(tool),
            theirs,
            keys={"google": VendorAccount("key", f"{vendor.url}/v1beta/openai")},
        ) as call,
    ):
        live = {"provider": "google", "model": "gemini-2.0-flash-realtime-exp"}
        prompt = [{"role": "system", "content": "You book."}]
        call.domain.members["Bob"] = {"name": "Bob", "model": {**live, "messages": prompt}}
        await ask(call, theirs, "handoff_to_Bob")
        await call.said("AI: I am Bob.")
        call.say("two")
        await call.said("AI: Surely.")
        await call.stop()
        await call.socket.close()
    assert vendor.complaints == []
    [session] = vendor.sessions
    setup = json.dumps(session.said[0])
    assert "You greet.\\n\\nYou book." in setup  # the older destination keeps the earlier prompt
    assert f"You: Hello there.\\nCaller: {SAID}" in setup
    assert ("user", "Yes, two.") in spoken(call)


@on_loop
async def test_a_model_that_speaks_by_itself_hands_over() -> None:
    live = {"provider": "google", "model": "gemini-2.0-flash-realtime-exp"}
    tool = handoff(assistantName="Bob")
    async with (
        vendors("Yes, two.") as theirs,
        GeminiLive(SAID, replies=[[("handoff_to_Bob", {})]]) as vendor,
        talking(
            TwilioCaller(),
            {"firstMessage": "Hello there.", "model": {**live, "tools": [tool]}},
            theirs,
            keys={"google": VendorAccount("key", f"{vendor.url}/v1beta/openai")},
        ) as call,
    ):
        call.domain.members["Bob"] = assistant("You book.", "Bob", firstMessage="Bob is here.")
        await call.said("AI: Hello there.")
        call.say("book")
        await call.said("AI: Bob is here.")
        call.say("two")
        await call.until(lambda: bool(theirs.chat.asked))
        await call.stop()
        await call.socket.close()
    assert vendor.complaints == []
    assert ("user", SAID) in spoken(call)
    asked = theirs.chat.asked[-1].body["messages"]
    assert ("assistant", "Bob is here.") in [(each["role"], each["content"]) for each in asked]


@on_loop
async def test_the_older_destination_speaks_first_and_keeps_the_earlier_prompt() -> None:
    place = {"type": "assistant", "assistantName": "Bob", "message": "One moment."}
    bob = assistant("You book for {{name}}.", "Bob", firstMessage="Bob for {{name}}.")
    async with (
        vendors(SAID) as theirs,
        talking(
            TwilioCaller(),
            first(assistantDestinations=[place], variableValues={"name": "Eve"}),
            theirs,
        ) as call,
    ):
        call.domain.members["Bob"] = bob
        await ask(call, theirs, "transferCall", '{"destination": "Bob"}')
        await call.said("AI: One moment.\nAI: Bob for Eve.")
        call.say("yes")
        await call.until(lambda: call.transcript.count("AI:") == 4)
        await call.stop()
        await call.socket.close()
    asked = theirs.chat.asked[-1].body["messages"]
    assert asked[0]["content"] == "You greet.\n\nYou book for Eve."
    turns = [each["content"] for each in asked[1:] if isinstance(each.get("content"), str)]
    assert turns == ["Hello there.", SAID, "One moment.", "Bob for Eve.", SAID]


@on_loop
async def test_a_handoff_that_is_not_possible() -> None:
    """The model gets the reason, and the call goes on as it was. Then live control hands over."""
    tools = handoff(assistantName="Bob"), handoff(assistantName="Cid")
    dead = assistant("You fail.", "Bob", voice={"provider": "deepgram", "voiceId": "x" * 9})
    dead["transcriber"] = {"provider": "nobody"}
    async with (
        vendors(SAID, replies="I stay.") as theirs,
        talking(TwilioCaller(), first(*tools), theirs) as call,
    ):
        call.domain.members["Bob"] = dead
        await ask(call, theirs, "handoff_to_Cid")
        await call.said("AI: I stay.")
        theirs.chat.script += [("handoff_to_Bob", ["{}"])]
        call.say("yes")
        await call.until(lambda: call.transcript.count("I stay.") == 2)
        call.domain.members["Cid"] = assistant("You close.", "Cid", firstMessage="Cid is here.")
        place = {"type": "assistant", "assistantName": "Cid", "contextEngineeringPlan": PLAN}
        call.give(type="handoff", destination=place)
        await call.said("AI: Cid is here.")
        await call.stop()
        await call.socket.close()
    results = [each["result"] for each in call.domain.kept["messages"] if "result" in each]
    assert results[0] == "Error: nobody is named so"
    assert results[1].startswith("Error: the next assistant cannot talk: ")
    assert call.reason is None


@on_loop
async def test_a_server_names_the_next_assistant() -> None:
    """With values that the model takes out of the conversation, and the server's overrides."""
    tool = {
        "type": "handoff",
        "function": {"name": "next", "parameters": {"type": "object", "properties": {}}},
        "destinations": [{"type": "dynamic"}],
        "messages": [{"type": "request-start", "content": "Let me see."}],
    }
    plan = {
        "schema": {"type": "object", "properties": {"day": {"type": "string"}}},
        "aliases": [{"key": "when", "value": "on {{day}}"}],
    }
    answer = (
        b'{"result": "To Bob.", "destination": {"type": "assistant", "assistantName": "Bob",'
        b' "contextEngineeringPlan": {"type": "none"}, "variableExtractionPlan": PLAN,'
        b' "assistantOverrides": {"firstMessage": "A table {{when}}?"}}}'
    )
    async with (
        vendors(SAID) as theirs,
        talking(TwilioCaller(), first(tool), theirs) as call,
    ):
        call.domain.members["Bob"] = assistant("You book.", "Bob")
        call.domain.extracted = 'Here: {"day": "Monday"}'
        call.domain.replies.append(Reply(answer.replace(b"PLAN", json.dumps(plan).encode())))
        await ask(call, theirs, "next", '{"destination": "dynamic", "mood": "good"}')
        await call.said("AI: A table on Monday?")
        call.say("yes")
        await call.until(lambda: call.transcript.count("AI:") == 4)
        await call.stop()
        await call.socket.close()
    [request] = [each for each in call.domain.told if each[0] == "ask"]
    wanted = {"parameters": {"destination": "dynamic", "mood": "good"}}
    assert request[2:4] == ("handoff-destination-request", wanted)
    [asked] = [each.body for each in theirs.chat.asked[-1:]]
    assert [each["content"] for each in asked["messages"]] == [
        "You book.",
        "A table on Monday?",
        SAID,
    ]
    result = next(each["result"] for each in call.domain.kept["messages"] if "result" in each)
    assert result == "To Bob."


@on_loop
async def test_a_socket_that_was_lost_in_the_handoff_begins_with_the_next_one() -> None:
    """Killed behind the event and in front of the first word: it is said on the next socket."""
    before = [
        {"role": "system", "message": "You greet.", "time": 1000, "secondsFromStart": 0.0},
        {
            "role": "bot",
            "message": "Hello.",
            "time": 1000,
            "endTime": 2000,
            "secondsFromStart": 0.0,
        },
    ]
    bob = assistant("You book.", "Bob", firstMessage="Bob is here.")
    async with (
        vendors(SAID) as theirs,
        talking(
            TwilioCaller(), bob, theirs, history=History((1,), 2, (0,)), messages=before
        ) as call,
    ):
        await call.said("AI: Hello.\nAI: Bob is here.")
        call.say("book")
        await call.until(lambda: call.transcript.count("AI:") == 3)
        await call.stop()
        await call.socket.close()
    asked = theirs.chat.asked[-1].body["messages"]
    assert [each["content"] for each in asked] == ["You book.", "Hello.", "Bob is here.", SAID]
