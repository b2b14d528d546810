"""Whole conversations by text: the carrier hears and speaks, and only the model is ours."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.context import Reply
from app.vendors.common.account import VendorAccount
from providers.events import EndedReason
from tests.assistants.local.talk import MODEL
from tests.clock import on_loop
from tests.fakes.carriers.twilio_relay import MESSAGES, TRANSPORT, Session, in_session
from tests.fakes.vendors.chat import WRONG_KEY, Chat
from tests.fakes.vendors.served import Fault

GREETING = "Hello there, how may I help?"


def account(chat: Chat) -> dict[str, VendorAccount]:
    return {"openai": VendorAccount("key", f"{chat.url}/v1")}


@on_loop
async def test_a_conversation() -> None:
    async with (
        Chat("Surely, at eight.") as chat,
        in_session({"firstMessage": GREETING}, account(chat)) as session,
    ):
        await session.said(f"AI: {GREETING}")
        for said in ("A table, please.", "Thank you."):
            before = session.transcript.count("AI:")
            await session.say(said)
            await session.said(f"User: {said}")
            await session.until(lambda before=before: session.transcript.count("AI:") > before)
        await session.socket.close()
    kept = session.domain.kept["messages"]
    assert [each["role"] for each in kept] == ["bot", "user", "bot", "user", "bot"]
    assert session.lines == [GREETING, "Surely, at eight.", "Surely, at eight."]
    last = chat.asked[-1].body["messages"]
    assert [each["content"] for each in last if each["role"] != "system"] == [
        GREETING,
        "A table, please.",
        "Surely, at eight.",
        "Thank you.",
    ]
    assert [told[0] for told in session.domain.told if told[0] in ("stopped", "lost")] == [
        "lost"
    ], "the request for the next document says whether the caller hung up"
    kinds = {item["type"] for item in session.domain.spent}
    assert kinds == {"model", "vapi"}  # no voice and no transcriber of ours
    assert session.domain.tapes == []


LONG = "We have a table at the window, and another one in the garden behind the house."
BOOK = {
    "type": "function",
    "function": {"name": "bookTable", "parameters": {"type": "object", "properties": {}}},
    "server": {"url": "http://127.0.0.1:9/tool"},
}


@on_loop
async def test_an_interrupted_answer_is_kept_as_far_as_it_was_heard() -> None:
    async with (
        Chat() as chat,
        in_session({"firstMessage": "Hello."}, account(chat)) as session,
    ):
        chat.script += [LONG, "Good."]
        await session.said("AI: Hello.")
        await session.say("Where may I sit?")
        await session.begins("another")
        await session.say("The window, please.")
        await session.said("AI: Good.")
    heard = "We have a table at the window, and another"
    assert session.lines == ["Hello.", heard, "Good."]
    bot = [each for each in session.domain.kept["messages"] if each["role"] == "bot"]
    assert [each["message"] for each in bot] == session.lines
    assert [each.get("interrupted", False) for each in bot] == [False, True, False]
    contents = [each["content"] for each in chat.asked[-1].body["messages"]]
    assert contents[-3:] == ["Where may I sit?", heard, "The window, please."]
    assert "user-interrupted" in [kind for kind, _ in session.domain.messages]


@on_loop
async def test_what_comes_after_words_that_were_not_said_yet_takes_their_place() -> None:
    """The carrier reports no interruption before its voice begins."""
    async with (
        Chat() as chat,
        in_session({"firstMessageMode": "assistant-waits-for-user"}, account(chat)) as session,
    ):
        chat.script += [LONG, "Good."]
        await session.say("Where may I sit?")
        await session.until(lambda: bool(session.texts) and session.texts[-1]["last"])
        await session.say("The window, please.")
        await session.said("AI: Good.")
    assert session.lines[-1] == "Good."
    assert LONG not in session.lines
    assert LONG not in session.transcript


@on_loop
async def test_a_part_of_a_sentence_interrupts_and_is_told() -> None:
    assistant = {"firstMessage": LONG, "serverMessages": ["transcript"]}
    async with Chat("Yes.") as chat, in_session(assistant, account(chat)) as session:
        await session.begins("table")
        await session.socket.send(MESSAGES.prompt("The", last=False))
        await session.said("AI: We have a")
        assert chat.asked == []
        await session.say("The window.")
        await session.said("AI: Yes.")
    told = [
        extra["transcript"]
        for kind, extra in session.domain.messages
        if kind == "transcript" and extra["transcriptType"] == "partial"
    ]
    assert "The" in told


@on_loop
async def test_a_tool_and_the_end_by_the_model() -> None:
    tools = [BOOK, {"type": "endCall"}]
    model = {"provider": "openai", "model": "gpt-4o", "tools": tools}
    assistant = {"firstMessage": "Hello.", "model": model, "endCallMessage": "Good bye then."}
    async with Chat() as chat, in_session(assistant, account(chat)) as session:
        session.domain.replies.append(
            Reply(b'{"results": [{"toolCallId": "call_1", "result": "table 4"}]}')
        )
        chat.script += [("bookTable", ["{}"]), "It is table four.", ("endCall", ["{}"])]
        await session.said("AI: Hello.")
        await session.say("A table, please.")
        await session.said("AI: It is table four.")
        await session.say("That is all.")
        assert await session.end() is EndedReason.ASSISTANT_ENDED_CALL
    assert session.lines == ["Hello.", "It is table four.", "Good bye then."]
    assert session.sent[-1] == {"type": "end"}  # so the flow is asked, and not told of a fault
    assert "table 4" in str(chat.asked[1].body["messages"])


@on_loop
async def test_keys_of_the_caller_and_of_the_assistant() -> None:
    model = {"provider": "openai", "model": "gpt-4o", "tools": [{"type": "dtmf"}]}
    assistant = {"firstMessage": "Your number?", "model": model}
    async with Chat() as chat, in_session(assistant, account(chat)) as session:
        chat.script += [("dtmf", ['{"dtmf": "1w2"}']), "I have dialled it."]
        await session.said("AI: Your number?")
        for key in "12#":
            await session.press(key)
        await session.said("AI: I have dialled it.")
    assert "12#" in str(chat.asked[0].body["messages"][-1])
    assert {"type": "sendDigits", "digits": "1w2"} in session.sent


@on_loop
async def test_words_right_behind_the_last_one_of_the_voice() -> None:
    async with (
        Chat("Yes.") as chat,
        in_session({"firstMessage": GREETING}, account(chat)) as session,
    ):
        await session.heard(GREETING)
        await session.say("A table.")
        await session.said("AI: Yes.")
    contents = [each["content"] for each in chat.asked[0].body["messages"]]
    assert contents[-2:] == [GREETING, "A table."]


@on_loop
async def test_a_key_over_the_voice() -> None:
    async with Chat("Yes.") as chat, in_session({"firstMessage": LONG}, account(chat)) as session:
        await session.begins("table")
        await session.press("#")
        await session.said("AI: Yes.")
    contents = [each["content"] for each in chat.asked[0].body["messages"]]
    assert contents[-2].startswith("We have a table")
    assert "#" in contents[-1]


ENDS: dict[str, tuple[dict[str, Any], list[str], EndedReason]] = {
    "a phrase": (
        {"firstMessage": "Have a nice day.", "endCallPhrases": ["nice day"]},
        ["Have a nice day."],
        EndedReason.ASSISTANT_SAID_END_CALL_PHRASE,
    ),
    "silence": (
        {
            "firstMessage": "Hello.",
            "silenceTimeoutSeconds": 10,
            "endCallMessage": "Good bye.",
            "messagePlan": {
                "idleMessages": ["Are you there?"],
                "idleTimeoutSeconds": 6,
                "idleMessageMaxSpokenCount": 1,
            },
        },
        ["Hello.", "Are you there?", "Good bye."],
        EndedReason.SILENCE_TIMED_OUT,
    ),
}


@pytest.mark.parametrize("tells", [True, False], ids=["told", "by-time"])
@pytest.mark.parametrize("row", ENDS.values(), ids=list(ENDS))
@on_loop
async def test_an_end_waits_for_the_last_words(
    row: tuple[dict[str, Any], list[str], EndedReason], tells: bool
) -> None:
    """Also where the voice does not tell which words it has said."""
    assistant, heard, reason = row
    async with Chat() as chat, in_session(assistant, account(chat), tells=tells) as session:
        assert await session.end() is reason
    assert session.lines == heard
    assert session.transcript.splitlines() == [f"AI: {each}" for each in heard]


@on_loop
async def test_an_answering_machine_gets_the_message_and_cannot_interrupt_it() -> None:
    assistant = {
        "firstMessageMode": "assistant-waits-for-user",
        "voicemailDetection": {"provider": "vapi"},
        "voicemailMessage": "Please call us back.",
    }
    async with Chat() as chat, in_session(assistant, account(chat)) as session:
        await session.say("You have reached the voicemail of Smith. Leave a message at the tone.")
        await session.begins("Please")
        await session.cut()  # the tone
        assert await session.end() is EndedReason.VOICEMAIL
    assert session.lines == ["Please call us back."]
    assert chat.asked == []


@on_loop
async def test_live_control() -> None:
    waits = {"firstMessageMode": "assistant-waits-for-user"}
    async with Chat("Yes.") as chat, in_session(waits, account(chat)) as session:
        session.give(type="say", content=LONG)
        await session.begins("table")
        session.give(type="say", content="Stop.", interruptAssistantEnabled=True)
        await session.heard("Stop.")
        session.give(type="say", content="This is private.", interruptionsEnabled=False)
        await session.begins("This is")
        await session.cut()
        await session.heard("This is private.")
        session.give(type="control", control="mute-customer")
        session.give(type="say", content="Now you are muted.")
        await session.heard("Now you are muted.")
        await session.say("Hello?")
        session.give(type="control", control="unmute-customer")
        session.give(type="say", content="And now you are not.")
        await session.heard("And now you are not.")
        await session.say("Can you hear me?")
        await session.said("AI: Yes.")
        session.give(type="control", control="mute-assistant")
        session.give(type="say", content="Nobody hears this.", interruptionsEnabled=False)
        session.give(type="control", control="unmute-assistant")
        session.give(type="say", content="But this.")
        await session.heard("But this.")
    assert "Nobody hears this." not in session.lines
    assert "Hello?" not in session.transcript
    assert session.lines[0] != LONG
    assert session.lines[0].startswith("We have a table")


@on_loop
async def test_a_first_message_that_may_not_be_interrupted() -> None:
    assistant = {"firstMessage": GREETING, "firstMessageInterruptionsEnabled": False}
    async with Chat("Yes.") as chat, in_session(assistant, account(chat)) as session:
        await session.said(f"AI: {GREETING}")
        await session.say("Hello?")
        await session.said("AI: Yes.")
    allowed = [each["interruptible"] for each in session.texts]
    first = sum(not each for each in allowed)
    assert first
    assert allowed == [False] * first + [True] * (len(allowed) - first)


@on_loop
async def test_another_member_of_a_squad_goes_on_in_the_session() -> None:
    assistant = {"name": "First", "firstMessage": "Hello."}
    async with Chat("I am the second.") as chat, in_session(assistant, account(chat)) as session:
        session.domain.members["Second"] = {
            "name": "Second",
            "model": MODEL,
            "transport": TRANSPORT,
            "firstMessage": "",
        }
        await session.said("AI: Hello.")
        destination = {"type": "assistant", "assistantName": "Second", "message": "One moment."}
        session.give(type="handoff", destination=destination)
        await session.said("AI: I am the second.")
    assert session.lines == ["Hello.", "One moment.", "I am the second."]


@on_loop
async def test_a_model_that_fails() -> None:
    async with Chat() as chat, in_session({"firstMessage": "Hello."}, account(chat)) as session:
        chat.faults.append(Fault(401, WRONG_KEY))
        await session.said("AI: Hello.")
        await session.say("A table, please.")
        assert await session.end() is EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED


@on_loop
async def test_complaints_of_the_carrier_and_a_lost_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A complaint may quote what the assistant says, so no log has it."""
    async with Chat() as chat, in_session({"firstMessage": "Hello."}, account(chat)) as session:
        await session.said("AI: Hello.")
        await session.socket.send(MESSAGES.error("Invalid message received"))
        await session.socket.send(MESSAGES.message("novelty"))
        await session.until(
            lambda: "lost" not in session.domain.words() and len(notes(session)) > 1
        )
        session.socket.transport.abort()
        await session.until(lambda: "lost" in session.domain.words())
    assert "the carrier complains" in caplog.text
    assert "Invalid message received" not in caplog.text
    assert notes(session) == [
        ("media.complaint", {"word": "Invalid message received"}),
        ("media.unknown", {"word": "novelty"}),
    ]


def notes(session: Session) -> list[tuple[str, dict[str, Any]]]:
    return [(told[2], told[3]) for told in session.domain.told if told[0] == "note"]
