"""Conversations by an assistant's plans: when it answers, and what stops it."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.context import Reply
from tests.assistants.local.talk import Call, talking, together, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.speech import SENTENCES

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
WAITS = {"firstMessageMode": "assistant-waits-for-user"}
LATER = {"type": "customer", "regex": "yes", "regexOptions": [], "timeoutSeconds": 2}


def users(call: Call) -> list[str]:
    return [each["message"] for each in call.domain.kept["messages"] if each["role"] == "user"]


async def two_sentences(start: dict[str, Any], *replies: Reply, first: str = "yes.") -> list[str]:
    """The caller's turns when a second passes between two sentences.

    Each second of a conversation costs processor time, so the plans wait two.
    """
    assistant = {**WAITS, "startSpeakingPlan": start}
    async with (
        vendors(first, "Wait, stop.") as theirs,
        talking(TwilioCaller(), assistant, theirs) as call,
    ):
        call.domain.replies += replies
        await theirs.ears.until(1)
        call.pause(0.5)
        call.say("yes")
        call.pause(1.2)
        call.say("stop")
        await call.until(lambda: "Wait, stop." in " ".join(users(call) if call.domain.kept else []))
        return users(call)


SERVER = {"smartEndpointingPlan": {"provider": "custom-endpointing-model"}, "waitSeconds": 0.3}
PLANS: dict[str, tuple[dict[str, Any], bool, tuple[Reply, ...]]] = {
    "a rule that waits": ({"waitSeconds": 0.3, "customEndpointingRules": [LATER]}, True, ()),
    "a rule that waits, before a smart plan": (
        {"smartEndpointingPlan": {"provider": "vapi"}, "customEndpointingRules": [LATER]},
        True,
        (),
    ),
    "punctuation ends it": (
        {"transcriptionEndpointingPlan": {"onPunctuationSeconds": 0.2}},
        False,
        (),
    ),
    "punctuation does not": (
        {"transcriptionEndpointingPlan": {"onPunctuationSeconds": 2}},
        True,
        (),
    ),
    "a function that waits": (
        {"smartEndpointingPlan": {"provider": "livekit", "waitFunction": "2000"}},
        True,
        (),
    ),
    "the client's server waits": (SERVER, True, (Reply(b'{"timeoutSeconds": 2}'),)),
    "the client's server has no answer": (SERVER, False, (Reply(b"[]"),)),
}
"""Plan -> whether both sentences are one turn, and what the client's server answers."""


async def is_one_turn(row: tuple[dict[str, Any], bool, tuple[Reply, ...]]) -> bool:
    turns = await two_sentences(row[0], *row[2])
    return turns[0] != "yes."


@on_loop
async def test_a_pause_ends_the_turn_or_not() -> None:
    found = await together(PLANS, is_one_turn)
    assert found == {name: row[1] for name, row in PLANS.items()}


@pytest.mark.parametrize("wait", [0.4, 3])
@on_loop
async def test_the_assistant_waits_after_a_finished_sentence_too(wait: float) -> None:
    """The smart plan says that the turn is over; ``waitSeconds`` is the least there is."""
    start = {"smartEndpointingPlan": {"provider": "vapi"}, "waitSeconds": wait}
    assistant = {**WAITS, "startSpeakingPlan": start}
    async with vendors("Yes.") as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await theirs.ears.until(1)
        call.say("yes")
        begun = call.clock
        await call.until(call.sounds)
        assert (call.clock - begun > 3) is (wait == 3)
        await call.said("AI: Good morning to you.")


@on_loop
async def test_the_server_is_asked_about_the_conversation() -> None:
    start = {"smartEndpointingPlan": {"provider": "custom-endpointing-model"}}
    assistant = {"firstMessage": "Hi.", "startSpeakingPlan": start}
    async with vendors("Yes.") as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        call.domain.replies.append(Reply(b'{"timeoutSeconds": 0}'))
        await call.said("AI: Hi.")
        call.say("yes")
        await call.said("AI: Good morning to you.")
        [(kind, extra, server)] = [each[2:] for each in call.domain.told if each[0] == "ask"]
    assert (kind, server) == ("call.endpointing.request", None)
    spoken = [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Yes."}]
    assert extra["messagesOpenAIFormatted"] == spoken
    assert [each["message"] for each in extra["messages"]] == ["Hi.", "Yes."]


@on_loop
async def test_an_acknowledgement_does_not_interrupt() -> None:
    """Though it has as many words as it takes; a word of the other list does."""
    assistant = {"firstMessage": LONG, "stopSpeakingPlan": {"numWords": 1}}
    async with (
        vendors("Okay.", "Stop.") as theirs,
        talking(TwilioCaller(), assistant, theirs) as call,
    ):
        await call.until(call.sounds)
        call.say("yes")
        call.pause(0.8)
        await theirs.ears.until(1)
        assert call.clears == 0
        call.say("stop")
        await call.said("AI: Good morning to you.")
        assert "Stop." in users(call)[0]


@pytest.mark.parametrize("backoff", [0, 4])
@on_loop
async def test_an_interrupted_assistant_waits(backoff: float) -> None:
    """Of four seconds some are left when the answer is there."""
    assistant = {"firstMessage": LONG, "stopSpeakingPlan": {"backoffSeconds": backoff}}
    async with vendors("Stop.") as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.until(call.sounds)
        call.say("stop")
        await call.until(lambda: call.clears > 0)
        begun = call.clock
        await call.said("AI: Good morning to you.")
        assert (call.clock - begun > 4) is bool(backoff)


@on_loop
async def test_a_text_that_the_caller_cannot_interrupt() -> None:
    assistant = {"model": {"provider": "openai", "model": "a"}, **WAITS}
    async with (
        vendors("Yes.", "Yes.") as theirs,
        talking(TwilioCaller(), assistant, theirs) as call,
    ):
        call.give(type="say", content="One two three four five.", interruptionsEnabled=False)
        await call.until(call.sounds)
        call.say("yes")
        await call.said("AI: One two three four five.")
        assert call.clears == 0
        call.say("yes")
        await call.said("AI: Good morning to you.")


@on_loop
async def test_the_plans_own_delimiter_ends_the_keys() -> None:
    plan = {"delimiters": "*", "timeoutSeconds": 10}
    assistant = {"firstMessage": "Hi.", "keypadInputPlan": plan}
    async with vendors() as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.said("AI: Hi.")
        for key in "1#*":
            await call.press(key)
        await call.said("AI: Good morning to you.")
    assert theirs.chat.asked[0].body["messages"][-1]["content"] == "DTMF: 1#*"


@on_loop
async def test_keys_that_are_not_wanted() -> None:
    assistant = {
        "firstMessage": "Hi.",
        "keypadInputPlan": {"enabled": False, "timeoutSeconds": 0.2},
    }
    async with (
        vendors(SENTENCES["yes"]) as theirs,
        talking(TwilioCaller(), assistant, theirs) as call,
    ):
        await call.said("AI: Hi.")
        for key in "12#":
            await call.press(key)
        call.pause(0.5)
        call.say("yes")
        await call.said("AI: Good morning to you.")
    assert theirs.chat.asked[0].body["messages"][-1]["content"] == SENTENCES["yes"]


@on_loop
async def test_the_transcript_has_the_names_of_the_plan() -> None:
    plan = {"transcriptPlan": {"assistantName": "Buyer", "userName": "Seller"}}
    assistant = {"firstMessage": "Hi.", "artifactPlan": plan}
    async with vendors("Yes.") as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.said("Buyer: Hi.\n")
        call.say("yes")
        await call.said("Seller: Yes.\nBuyer: Good morning to you.\n")


@on_loop
async def test_no_transcript_is_kept() -> None:
    assistant = {"firstMessage": "Hi.", "transcriptPlan": {"enabled": False}}
    async with vendors() as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.until(lambda: bool(call.domain.kept.get("messages")))
        assert call.transcript == ""
