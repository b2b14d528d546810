"""Live control of a speaking assistant: a real pipeline, the embedded voice, a stand-in model."""

from __future__ import annotations

import array
import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from app.domain.vendors import Access
from app.store.commands import Command
from providers.events import EndedReason
from tests.media.harness import (
    LISTEN_TOKEN,
    Domain,
    TwilioCaller,
    answer_mark,
    calling,
    on_loop,
    serving,
)
from tests.vendors.chat import Chat

TWILIO = TwilioCaller()
LONG = "This is a greeting that goes on and on and would not be over for quite a while yet."
EMBEDDED = {
    "voice": {"provider": "embedded"},
    "model": {"provider": "embedded", "menu": {"1": {"say": "One."}, "2": {"say": "Two."}}},
    "transcriber": {"provider": "none"},
    "firstMessageMode": "assistant-waits-for-user",
}


class Talk:
    """One call, its domain, and what its caller hears."""

    def __init__(self, domain: Domain, carrier: ClientConnection, address: str) -> None:
        self.domain = domain
        self.carrier = carrier
        self.address = address
        self.loudest = 0
        """Of the sound that came."""
        self._heard = asyncio.Event()

    def give(self, **command: Any) -> None:
        self.domain.given.append(Command("token-1", command))

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        return list(self.domain.kept.get("messages", []))

    def words(self, role: str = "bot") -> list[str]:
        return [str(each["message"]) for each in self.messages if each["role"] == role]

    async def says(self, text: str) -> None:
        """Wait until the assistant has said it."""
        await self.domain.until(lambda: text in self.words())

    async def speaks(self) -> None:
        """Wait until the caller hears it."""
        await self._heard.wait()

    async def ends(self) -> tuple[Any, ...]:
        return await self.domain.hears("intend")

    async def listen(self) -> None:
        async for message in self.carrier:
            pcm = TWILIO.heard(message)
            if pcm:
                samples = array.array("h", pcm)
                self.loudest = max(self.loudest, *(abs(sample) for sample in samples))
                if self.loudest:
                    self._heard.set()
            await answer_mark(TWILIO, self.carrier, message)


@asynccontextmanager
async def talk(
    *given: dict[str, Any], keys: Mapping[str, Access] | None = None, **assistant: Any
) -> AsyncIterator[Talk]:
    """``given``: commands that wait for the socket."""
    domain = Domain(backend="local", assistant={**EMBEDDED, **assistant}, keys=keys or {})
    domain.given += [Command("token-1", command) for command in given]
    async with serving(domain) as served, calling(served, TWILIO) as carrier:
        one = Talk(domain, carrier, served.address)
        ears = asyncio.create_task(one.listen())
        try:
            yield one
        finally:
            ears.cancel()
            await asyncio.wait([ears])


@on_loop
async def test_says_what_it_is_told_and_goes_on() -> None:
    async with talk() as call:
        call.give(type="a word of a later version")
        call.give(type="say", content="Wait.")
        call.give(type="say", content="Thanks.")
        await call.says("Thanks.")
        assert call.words() == ["Wait.", "Thanks."]
        assert "intend" not in call.domain.words()


@on_loop
async def test_says_it_and_ends() -> None:
    async with talk() as call:
        call.give(type="say", content="Bye.", endCallAfterSpoken=True)
        assert (await call.ends())[2] is EndedReason.ASSISTANT_ENDED_CALL
        assert call.words() == ["Bye."]


@on_loop
async def test_says_it_instead_of_what_it_says() -> None:
    async with talk(firstMessage=LONG, firstMessageMode="assistant-speaks-first") as call:
        await call.speaks()
        call.give(type="say", content="Stop.", interruptAssistantEnabled=True)
        await call.says("Stop.")
        assert LONG not in call.words()


@on_loop
async def test_says_the_first_message_when_it_is_told() -> None:
    async with talk(firstMessage="Hello.") as call:
        call.give(type="control", control="say-first-message")
        await call.says("Hello.")


@on_loop
async def test_a_message_is_added_and_answered_where_it_is_asked_for() -> None:
    async with Chat("Sure.") as chat:
        keys = {"openai": Access("a key", chat.url)}
        async with talk(keys=keys, model={"provider": "openai", "model": "a-model"}) as call:
            for role, text in [("assistant", "Hello."), ("system", "The caller is Ann.")]:
                quiet = {"role": role, "content": text}
                call.give(type="add-message", message=quiet, triggerResponseEnabled=False)
            call.give(type="add-message", message={"role": "user", "content": "Greet me."})
            await call.says("Sure.")
            [asked] = chat.asked
            assert [m["content"] for m in asked.body["messages"]] == [
                "Hello.",
                "The caller is Ann.",
                "Greet me.",
            ]
            assert call.words("user") == ["Greet me."]
            assert call.domain.kept["transcript"] == "AI: Sure.\n"  # what was spoken


@on_loop
async def test_a_muted_assistant_is_not_heard() -> None:
    async with talk() as call:
        call.give(type="control", control="mute-assistant")
        call.give(type="say", content="Unheard.")
        await call.says("Unheard.")
        assert call.loudest == 0
        call.give(type="control", control="unmute-assistant")
        call.give(type="say", content="Heard.")
        await call.says("Heard.")
        assert call.loudest > 1000


@on_loop
async def test_a_muted_customer_is_not_heard() -> None:
    async with talk() as call:
        call.give(type="control", control="mute-customer")
        call.give(type="say", content="Muted.")
        await call.says("Muted.")
        await call.carrier.send(TWILIO.digit("1"))
        call.give(type="control", control="unmute-customer")
        call.give(type="say", content="Speak.")
        await call.says("Speak.")
        await call.carrier.send(TWILIO.digit("2"))
        await call.says("Two.")
        assert "One." not in call.words()


# ------------------------------------------------------------------ a machine

MACHINE = {"type": "voicemail"}


@on_loop
async def test_a_machine_is_left_the_message_instead_of_the_rest() -> None:
    first = {"firstMessage": LONG, "firstMessageMode": "assistant-speaks-first"}
    async with talk(
        **first, voicemailMessage="Call {{name}}.", variableValues={"name": "us"}
    ) as call:
        await call.speaks()
        call.give(**MACHINE)
        assert (await call.ends())[2] is EndedReason.VOICEMAIL
        assert call.words()[-1] == "Call us."
        assert LONG not in call.words()


@on_loop
async def test_a_machine_that_was_known_is_not_greeted() -> None:
    first = {"firstMessage": "Hello.", "firstMessageMode": "assistant-speaks-first"}
    async with talk(MACHINE, **first, voicemailMessage="Call us.") as call:
        assert (await call.ends())[2] is EndedReason.VOICEMAIL
        assert call.words() == ["Call us."]


# ------------------------------------------------------------------ listening


@pytest.mark.parametrize("wanted", [["transcript"], None])
@on_loop
async def test_listeners_are_told_what_clients_are(wanted: list[str] | None) -> None:
    async with talk(clientMessages=wanted) as call:
        call.give(type="say", content="Hello and goodbye.", endCallAfterSpoken=True)
        await call.speaks()
        url = f"ws://{call.address}/listen/token-1?token={LISTEN_TOKEN}"
        async with connect(url, proxy=None) as listener:
            told = {json.loads(m)["type"] async for m in listener if isinstance(m, str)}
        assert {"start", "transcript"} <= told
        assert ("conversation-update" in told) is (wanted is None)
