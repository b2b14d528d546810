"""How a conversation ends that nothing is wrong with: by a phrase, by silence, at a machine."""

from __future__ import annotations

from typing import Any

import pytest

from app.assistants.local.voicemail_detector import is_machine
from providers.events import EndedReason
from tests.assistants.local.talk import Call, talking, together, vendors
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.media.server import BY_NAME
from tests.speech import SENTENCES

GENERATE = "assistant-speaks-first-with-model-generated-message"


@BY_NAME
@on_loop
async def test_an_end_call_phrase(caller: Caller) -> None:
    """It is spoken to its end."""
    phrases = {"endCallPhrases": ["Have a nice {{time_of_day}}", "good bye"]}
    assistant = {**phrases, "variableValues": {"time_of_day": "Day"}, "firstMessageMode": GENERATE}
    async with (
        vendors("Yes.", replies="Have a nice day.") as theirs,
        talking(caller, assistant, theirs) as call,
    ):
        assert await call.end() is EndedReason.ASSISTANT_SAID_END_CALL_PHRASE
    assert call.transcript == "AI: Have a nice day.\n"
    assert call.sounds()


@on_loop
async def test_what_the_caller_says_is_no_end_call_phrase() -> None:
    async with (
        vendors("Thank you, goodbye.") as theirs,
        talking(VonageCaller(), {"endCallPhrases": ["goodbye"]}, theirs) as call,
    ):
        call.say("bye")
        await call.said("AI: Good morning to you.")
    assert call.reason is None


# ------------------------------------------------------------------ silence

IDLE = {"idleMessages": ["Hello?", "Still there?"], "idleTimeoutSeconds": 0.4}
SILENT: dict[str, tuple[dict[str, Any], str]] = {
    # nobody ever speaks
    "nobody": ({"silenceTimeoutSeconds": 0.5}, ""),
    # with a last word
    "message": ({"silenceTimeoutSeconds": 0.5, "endCallMessage": "Good bye."}, "AI: Good bye.\n"),
    # the caller is asked whether they are there, as often as is wanted
    "idle": (
        {
            "firstMessage": "Hi.",
            "silenceTimeoutSeconds": 1.0,
            "messagePlan": {**IDLE, "idleMessageMaxSpokenCount": 2},
        },
        "AI: Hi.\nAI: Hello?\nAI: Still there?\n",
    ),
}


async def silent(row: tuple[dict[str, Any], str]) -> tuple[EndedReason | None, str]:
    async with vendors("Yes.") as theirs, talking(TwilioCaller(), row[0], theirs) as call:
        await call.end()
    return call.reason, call.transcript


@on_loop
async def test_silence_ends_the_call() -> None:
    found = await together(SILENT, silent)
    timed_out = EndedReason.SILENCE_TIMED_OUT
    assert found == {name: (timed_out, text) for name, (_, text) in SILENT.items()}


@on_loop
async def test_a_caller_who_answers_may_be_asked_again() -> None:
    plan = {**IDLE, "idleMessageMaxSpokenCount": 1}
    async with (
        vendors("Yes.") as theirs,
        talking(VonageCaller(), {"firstMessage": "Hi.", "messagePlan": plan}, theirs) as call,
    ):
        await call.said("AI: Hello?")
        call.say("yes")
        await call.said("AI: Good morning to you.")
        await call.said("AI: Still there?")


# ------------------------------------------------------------------ voicemail

LISTENS = {"voicemailDetection": {"provider": "vapi"}}


async def at_a_machine(call: Call) -> EndedReason | None:
    call.say("voicemail")
    return await call.end()


@BY_NAME
@on_loop
async def test_a_message_is_left_behind_the_greeting(caller: Caller) -> None:
    """Nothing else is said to a machine, and the model is not asked."""
    assistant = {**LISTENS, "voicemailMessage": "Please call {{name}}.", "firstMessage": "Hi."}
    named = {"variableValues": {"name": "Ann"}}
    async with (
        vendors(SENTENCES["voicemail"]) as theirs,
        talking(caller, {**assistant, **named}, theirs) as call,
    ):
        await call.said("AI: Hi.")
        assert await at_a_machine(call) is EndedReason.VOICEMAIL
    assert call.transcript == "AI: Hi.\nAI: Please call Ann.\n"
    assert theirs.chat.asked == []


@on_loop
async def test_a_machine_without_a_message_is_hung_up_on() -> None:
    async with (
        vendors(SENTENCES["voicemail"]) as theirs,
        talking(TwilioCaller(), LISTENS, theirs) as call,
    ):
        assert await at_a_machine(call) is EndedReason.VOICEMAIL
    assert call.transcript == ""
    assert theirs.chat.asked == []


@on_loop
async def test_a_person_is_talked_to() -> None:
    """Also one who speaks of machines, to an assistant that was not told to listen for them."""
    async with (
        vendors(SENTENCES["voicemail"]) as theirs,
        talking(VonageCaller(), {}, theirs) as call,
    ):
        call.say("voicemail")
        await call.said("AI: Good morning to you.")
    async with vendors("Yes.") as theirs, talking(TwilioCaller(), LISTENS, theirs) as call:
        call.say("yes")
        await call.said("AI: Good morning to you.")


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ("You've reached the voicemail of Ann Smith.", True),
        ("Hi, this is Bob. Leave me a message.", True),
        ("Please leave your name and number after the tone.", True),
        ("I'm sorry, I can't take your call right now.", True),
        ("The person you are calling is not available.", True),
        ("Your call has been forwarded to an automatic voice mailbox.", True),
        ("The mailbox is full.", True),
        ("At the tone, please record your message.", True),
        # people
        ("Hello?", False),
        ("Hello, this is Ann speaking, how can I help you?", False),
        ("Can I call you back? I am in a meeting.", False),
        ("She is not here, can I take a message?", False),
        ("Yes, I got your message.", False),
    ],
)
def test_what_machines_say(text: str, machine: bool) -> None:
    assert is_machine(text) is machine
