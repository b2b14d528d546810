"""Who speaks when: the first word, interruptions and what is left of what they cut, keys.

Conversations that must be about the carrier's socket are had on both.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.assistants.local import Local
from app.media.stream import MediaStream
from app.vendors.common.account import VendorAccount
from providers.common.audio import level
from providers.events import EndedReason
from tests.assistants.local.talk import MODEL, Call, talking, together, vendors
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.carriers.vonage import VonageCaller
from tests.fakes.vendors.custom_transcriber import CustomTranscriber
from tests.media.server import BY_NAME, CALLERS
from tests.vendors.cases import BY_PROVIDER

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
SECONDS = 6.0
"""How long a voice takes for it."""
STOP = "Wait, stop."


def said(call: Call, role: str) -> list[str]:
    return [each["message"] for each in call.domain.kept["messages"] if each["role"] == role]


def own(ears: CustomTranscriber) -> dict[str, Any]:
    url = f"{ears.url}/hear".replace("http", "ws")
    return {"provider": "custom-transcriber", "server": {"url": url}}


# ------------------------------------------------------------------ the first word


@on_loop
async def test_the_assistant_speaks_first() -> None:
    """Names in braces are filled."""
    assistant = {
        "firstMessage": "Hello {{ name }}, at {{customer.number}}.",
        "variableValues": {"name": "Ann"},
        "model": {
            **MODEL,
            "messages": [
                {"role": "system", "content": "Call her {{name}}."},
                {"role": "user", "content": "I am {{name}}."},
            ],
        },
    }
    facts = {"customer": {"number": "+1415"}}
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), assistant, theirs, **facts) as call,
    ):
        await call.said("AI: Hello Ann, at +1415.\n")
        assert theirs.chat.asked == []
        call.say("yes")
        await call.said("AI: Good morning to you.")
    messages = theirs.chat.asked[0].body["messages"]
    assert messages == [
        {"role": "system", "content": "Call her Ann."},
        {"role": "user", "content": "I am Ann."},
        {"role": "assistant", "content": "Hello Ann, at +1415."},
        {"role": "user", "content": "Yes."},
    ]


@on_loop
async def test_the_assistant_waits() -> None:
    assistant = {"firstMessage": "Hello.", "firstMessageMode": "assistant-waits-for-user"}
    async with vendors("Yes.") as theirs, talking(VonageCaller(), assistant, theirs) as call:
        await theirs.ears.until(1)  # it is listened to
        call.pause(0.5)
        call.say("yes")
        await call.said("AI: Good morning to you.")
    assert call.transcript == "User: Yes.\nAI: Good morning to you.\n"


@on_loop
async def test_the_model_speaks_first() -> None:
    mode = "assistant-speaks-first-with-model-generated-message"
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), {"firstMessageMode": mode}, theirs) as call,
    ):
        await call.said("AI: Good morning to you.")
    assert [each.body["messages"] for each in theirs.chat.asked] == [
        [{"role": "user", "content": "(The call is connected.)"}]  # none at all is refused
    ]


@on_loop
async def test_a_second_socket_goes_on_where_the_first_was() -> None:
    """A forward failed, or the socket was replaced: no greeting again, and nothing is forgotten."""
    before = [
        {"role": "bot", "message": "Hello.", "time": 1000, "endTime": 1500},
        {"role": "user", "message": "A table.", "time": 2000, "endTime": 2500},
        {"role": "bot", "message": "Today?", "time": 3000, "endTime": 3500},
    ]
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), {"firstMessage": "Hello."}, theirs, messages=before) as call,
    ):
        await theirs.ears.until(1)  # it is listened to
        call.pause(0.5)
        call.say("yes")
        await call.said("AI: Good morning to you.")
    assert call.transcript == (
        "AI: Hello.\nUser: A table.\nAI: Today?\nUser: Yes.\nAI: Good morning to you.\n"
    )
    asked = [each["content"] for each in theirs.chat.asked[0].body["messages"]]
    assert asked == ["Hello.", "A table.", "Today?", "Yes."]


@on_loop
async def test_words_from_before_the_assistant_is_loaded_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As of a process that has just started, and took the call over from one that was killed."""
    run = Local.run

    async def loads(self: Local, stream: MediaStream) -> EndedReason | None:
        await asyncio.sleep(9.0)
        return await run(self, stream)

    monkeypatch.setattr(Local, "run", loads)
    before = [{"role": "bot", "message": "Hello.", "time": 1000, "endTime": 1500}]
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), {}, theirs, messages=before) as call,
    ):
        call.say("yes")
        await call.said("User: Yes.\nAI: Good morning to you.")


# ------------------------------------------------------------------ interruptions


INTERRUPTED = {
    f"{provider} {caller.name}": (caller, provider)
    for caller in CALLERS
    # Whose sound comes before its text, behind it, and with the time of each word.
    for provider in ("openai", "deepgram", "11labs")
}


async def interrupted(row: tuple[Caller, str]) -> None:
    caller, provider = row
    voice = BY_PROVIDER[provider]
    ears = CustomTranscriber(STOP)
    async with voice.standin(seconds=SECONDS) as standin, ears, vendors() as theirs:
        keys = {
            provider: VendorAccount("key", standin.url + voice.path),
            "groq": VendorAccount("key", f"{theirs.chat.url}/v1"),
        }
        assistant = {
            "firstMessage": LONG,
            "voice": {"provider": provider, "voiceId": "luna"},
            "model": {"provider": "groq", "model": "a"},
            "transcriber": own(ears),
        }
        async with talking(caller, assistant, theirs, keys=keys) as call:
            await call.until(lambda: len(call.heard) > 2.0 * 2 * caller.rate)
            call.say("stop")
            await call.until(lambda: call.clears > 0)
            heard = len(call.heard) / (2 * caller.rate)
            await call.said(f"User: {STOP}")
            await call.until(lambda: len(theirs.chat.asked) > 0)
    cut = said(call, "bot")[0]
    assert LONG.startswith(cut)
    # Two seconds and a word were heard, of six. 0.1: words are not of one length.
    share = len(cut) / len(LONG)
    assert 0.2 < share <= heard / SECONDS + 0.1, (provider, caller.name, cut)
    assert call.domain.kept["messages"][0]["interrupted"] is True
    known, new = (each["content"] for each in theirs.chat.asked[0].body["messages"])
    assert known == cut
    assert new.startswith(STOP)


@on_loop
async def test_what_was_heard_of_an_interrupted_sentence_stays() -> None:
    """In the transcript, and for the model."""
    await together(INTERRUPTED, interrupted)


WITHOUT_A_FIRST_MESSAGE: dict[str, dict[str, Any]] = {
    "the caller begins": {"firstMessageMode": "assistant-waits-for-user"},
    "a second socket": {
        "firstMessage": "Hello.",
        "messages": [{"role": "bot", "message": "Hello.", "time": 1000, "endTime": 1500}],
    },
}


async def heard_at_once(row: dict[str, Any]) -> None:
    facts = {"messages": row.get("messages", [])}
    assistant = {"firstMessageInterruptionsEnabled": False, **row}
    assistant.pop("messages", None)
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), assistant, theirs, **facts) as call,
    ):
        await theirs.ears.until(1)  # it is listened to
        call.pause(0.5)
        call.say("yes")
        await call.said("User: Yes.\nAI: Good morning to you.")


@on_loop
async def test_a_caller_is_heard_where_no_first_message_comes() -> None:
    """It may not be interrupted. So the caller would be ignored, for the whole call."""
    await together(WITHOUT_A_FIRST_MESSAGE, heard_at_once)


@BY_NAME
@on_loop
async def test_a_first_message_that_may_not_be_interrupted(caller: Caller) -> None:
    assistant = {"firstMessage": "One two three four.", "firstMessageInterruptionsEnabled": False}
    async with vendors("Yes.") as theirs, talking(caller, assistant, theirs) as call:
        await call.until(call.sounds)
        call.say("yes")
        await call.said("AI: One two three four.")
        assert call.clears == 0
        call.say("yes")
        await call.said("AI: Good morning to you.")
    assert call.transcript == "AI: One two three four.\nUser: Yes.\nAI: Good morning to you.\n"


@on_loop
async def test_as_many_words_as_it_takes_to_interrupt() -> None:
    """One does not; two do."""
    assistant = {"firstMessage": LONG, "stopSpeakingPlan": {"numWords": 2}}
    async with vendors("Yes.", STOP) as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.until(call.sounds)
        call.say("yes")
        call.pause(0.6)
        call.say("stop")
        await call.said("AI: Good morning to you.")
    assert call.clears >= 1  # a slow machine hears the two words twice
    assert len(said(call, "bot")[0]) < len(LONG)
    assert said(call, "user")[0].startswith(STOP)


# ------------------------------------------------------------------ keys, and both sides


@BY_NAME
@on_loop
async def test_pressed_keys_are_a_turn(caller: Caller) -> None:
    async with vendors("Yes.") as theirs, talking(caller, {"firstMessage": "Hi."}, theirs) as call:
        await call.said("AI: Hi.")
        for key in "12#":
            await call.press(key)
        await call.said("AI: Good morning to you.")
    assert theirs.chat.asked[0].body["messages"][-1] == {"role": "user", "content": "DTMF: 12#"}


@on_loop
async def test_a_transcriber_of_ones_own_hears_both_sides() -> None:
    async with CustomTranscriber("Yes.") as ears, vendors() as theirs:
        assistant = {"firstMessage": "Hello there.", "transcriber": own(ears)}
        async with talking(VonageCaller(), assistant, theirs) as call:
            await call.said("AI: Hello there.")
            before = len(ears.sound)
            call.say("yes")
            await call.said("User: Yes.")
    first, later = bytes(ears.sound[:before]), bytes(ears.sound[before:])
    assert level(channel(first, 1)) > 300 > level(channel(first, 0))
    assert level(channel(later, 0)) > 300


def channel(stereo: bytes, number: int) -> bytes:
    """0: left. 16-bit samples."""
    return b"".join(stereo[at : at + 2] for at in range(2 * number, len(stereo) - 1, 4))
