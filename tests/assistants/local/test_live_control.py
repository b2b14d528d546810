"""Live control of a speaking assistant: a real pipeline, the embedded voice, a stand-in model."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from websockets.asyncio.client import connect

from app.assistants import local
from app.assistants.local import preload
from app.vendors.common.account import VendorAccount
from providers.events import EndedReason
from tests.assistants.local.talk import Call, talking, vendors
from tests.clock import PATIENCE, on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.vendors.chat import Chat
from tests.media.domain import LISTEN_TOKEN
from tests.speech import SENTENCES

LONG = "This is a greeting that goes on and on and would not be over for quite a while yet."
EMBEDDED = {
    "voice": {"provider": "embedded"},
    "model": {"provider": "embedded", "menu": {"1": {"say": "One."}, "2": {"say": "Two."}}},
    "transcriber": {"provider": "none"},
    "firstMessageMode": "assistant-waits-for-user",
}


SPEAKS = {"firstMessageMode": "assistant-speaks-first"}


@asynccontextmanager
async def talk(
    *given: dict[str, Any], keys: Mapping[str, VendorAccount] | None = None, **assistant: Any
) -> AsyncIterator[Call]:
    """``given``: commands that wait for the socket."""
    whole = {**EMBEDDED, **assistant}
    async with talking(TwilioCaller(), whole, keys=keys, given=given) as call:
        yield call


def words(call: Call, role: str = "bot") -> list[str]:
    messages = call.domain.kept.get("messages", [])
    return [str(each["message"]) for each in messages if each["role"] == role]


@on_loop
async def test_says_what_it_is_told_and_goes_on() -> None:
    async with talk() as call:
        call.give(type="a word of a later version")
        call.give(type="say", content="Wait.")
        call.give(type="say", content="Thanks.")
        await call.said("Thanks.")
        assert words(call) == ["Wait.", "Thanks."]
        assert "intend" not in call.domain.words()


@on_loop
async def test_says_it_and_ends() -> None:
    async with talk() as call:
        call.give(type="say", content="Bye.", endCallAfterSpoken=True)
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
        assert words(call) == ["Bye."]


@on_loop
async def test_says_it_instead_of_what_it_says() -> None:
    async with talk(firstMessage=LONG, **SPEAKS) as call:
        await call.until(call.sounds)
        call.give(type="say", content="Stop.", interruptAssistantEnabled=True)
        await call.said("Stop.")
        assert LONG not in words(call)


@on_loop
async def test_says_the_first_message_when_it_is_told() -> None:
    async with talk(firstMessage="Hello.") as call:
        call.give(type="control", control="say-first-message")
        await call.said("Hello.")


@on_loop
async def test_a_message_is_added_and_answered_where_it_is_asked_for() -> None:
    async with Chat("Sure.") as chat:
        keys = {"openai": VendorAccount("a key", chat.url)}
        async with talk(keys=keys, model={"provider": "openai", "model": "a-model"}) as call:
            for role, text in [("assistant", "Hello."), ("system", "The caller is Ann.")]:
                quiet = {"role": role, "content": text}
                call.give(type="add-message", message=quiet, triggerResponseEnabled=False)
            call.give(type="add-message", message={"role": "user", "content": "Greet me."})
            await call.said("Sure.")
            [asked] = chat.asked
            assert [m["content"] for m in asked.body["messages"]] == [
                "Hello.",
                "The caller is Ann.",
                "Greet me.",
            ]
            assert words(call, "user") == ["Greet me."]
            assert call.domain.kept["transcript"] == "AI: Sure.\n"  # what was spoken


@on_loop
async def test_a_muted_assistant_is_not_heard() -> None:
    async with talk() as call:
        call.give(type="control", control="mute-assistant")
        call.give(type="say", content="Unheard.")
        await call.said("Unheard.")
        assert not call.sounds()
        call.give(type="control", control="unmute-assistant")
        call.give(type="say", content="Heard.")
        await call.said("Heard.")
        assert call.sounds()


@on_loop
async def test_a_muted_customer_is_not_heard() -> None:
    async with talk() as call:
        call.give(type="control", control="mute-customer")
        call.give(type="say", content="Muted.")
        await call.said("Muted.")
        await call.press("1")
        call.give(type="control", control="unmute-customer")
        call.give(type="say", content="Speak.")
        await call.said("Speak.")
        await call.press("2")
        await call.said("Two.")
        assert "One." not in words(call)


# ------------------------------------------------------------------ a machine

MACHINE = {"type": "voicemail"}


@on_loop
async def test_a_machine_is_left_the_message_instead_of_the_rest() -> None:
    first = {"firstMessage": LONG, "firstMessageMode": "assistant-speaks-first"}
    async with talk(
        **first, voicemailMessage="Call {{name}}.", variableValues={"name": "us"}
    ) as call:
        await call.until(call.sounds)
        call.give(**MACHINE)
        assert await call.end() is EndedReason.VOICEMAIL
        assert words(call)[-1] == "Call us."
        assert LONG not in words(call)


@on_loop
async def test_a_machine_that_was_known_is_not_greeted() -> None:
    async with talk(MACHINE, firstMessage="Hello.", **SPEAKS, voicemailMessage="Call us.") as call:
        assert await call.end() is EndedReason.VOICEMAIL
        assert words(call) == ["Call us."]


@on_loop
async def test_a_machine_that_spoke_while_the_engine_was_loaded_does_not_interrupt() -> None:
    loaded = threading.Event()

    def load() -> ModuleType:
        assert loaded.wait(PATIENCE)
        return preload.load()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "preload", SimpleNamespace(load=load))
        assistant = {"voicemailMessage": "Call us."}
        async with (
            vendors(SENTENCES["voicemail"]) as theirs,
            talking(TwilioCaller(), assistant, theirs, given=(MACHINE,)) as call,
        ):
            for _ in range(2):
                await call.send_at_once("voicemail")
            await call.domain.until(lambda: "joined" in call.domain.words())
            loaded.set()
            assert await call.end() is EndedReason.VOICEMAIL
            assert words(call) == ["Call us."]


# ------------------------------------------------------------------ listening


@pytest.mark.parametrize("wanted", [["transcript"], None])
@on_loop
async def test_listeners_are_told_what_clients_are(wanted: list[str] | None) -> None:
    async with talk(clientMessages=wanted) as call:
        call.give(type="say", content="Hello and goodbye.", endCallAfterSpoken=True)
        await call.until(call.sounds)
        url = f"ws://{call.address}/listen/token-1?token={LISTEN_TOKEN}"
        async with connect(url, proxy=None) as listener:
            told = {json.loads(m)["type"] async for m in listener if isinstance(m, str)}
        assert {"start", "transcript"} <= told
        assert ("conversation-update" in told) is (wanted is None)
