"""A supervisor takes a call over and gives it back: real pipelines, with vendors that are stand-ins."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.assistants.local.takeover import listener
from app.assistants.local.takeover.take_over import (
    BACK_TEXT,
    LOST_TEXT,
    RETURN_SECONDS,
    TAKEN_TEXT,
    UNHEARD_TEXT,
)
from app.assistants.local.transcript.conversation import Conversation
from app.domain.context import Reply
from app.vendors.common.errors import UnbuildableAssistant
from providers.events import EndedReason
from tests.assistants.local.takeover.supervisor import supervising
from tests.assistants.local.talk import Call, Vendors, talking, vendors
from tests.assistants.local.turns.test_eager_request import WAITS, one_sentence
from tests.assistants.local.turns.test_eager_request import asked as early
from tests.clock import PATIENCE, idle, on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.server import BY_NAME

LONG = "This is a greeting that goes on and on and would not be over for quite a while yet."
MENU = {
    "voice": {"provider": "embedded"},
    "model": {"provider": "embedded", "menu": {"1": {"say": "One."}}},
    "transcriber": {"provider": "none"},
    "firstMessageMode": "assistant-waits-for-user",
}
SCRIPT = ("First.", "Second.", "Third.")
TWILIO = TwilioCaller()
TOLD = "The supervisor said to the caller: "


def asked(theirs: Vendors) -> list[str]:
    """What the model was sent last."""
    return [str(each["content"]) for each in theirs.chat.asked[-1].body["messages"]]


def said(call: Call, role: str) -> list[str]:
    messages = call.domain.kept.get("messages", [])
    return [str(each["message"]) for each in messages if each["role"] == role]


@asynccontextmanager
async def greeted(**fields: Any) -> AsyncIterator[tuple[Call, Vendors]]:
    """A call whose caller was greeted. ``fields``: more of the assistant's."""
    async with (
        vendors(*SCRIPT, replies="Surely.") as theirs,
        talking(TWILIO, {"firstMessage": "Hello there.", **fields}, theirs) as call,
    ):
        await call.said("AI: Hello there.")
        yield call, theirs


@BY_NAME
@on_loop
async def test_the_assistant_is_silent_meanwhile_and_knows_afterwards(caller: Caller) -> None:
    async with (
        vendors(*SCRIPT, replies="Surely.") as theirs,
        talking(caller, {"firstMessage": LONG}, theirs) as call,
    ):
        await call.until(call.sounds)
        async with supervising(call) as supervisor:
            assert supervisor.start["takenOver"] is False
            await supervisor.take_over()
            await call.until(lambda: call.clears == 1)
            call.say("book")
            await call.said("User: First.")
            call.heard.clear()
            await supervisor.say("person")
            await call.said("Supervisor: First.")
            assert call.sounds()  # it is their voice
            call.say("open")
            await call.said("User: Second.")
            assert call.clears == 1  # the caller interrupts no supervisor
            assert theirs.chat.asked == []
            await supervisor.say("six")
            await call.said("Supervisor: Second.")
            await supervisor.give_back()
            assert theirs.chat.asked == []  # who spoke last was not the caller
            call.say("bye")
            await call.said("AI: Surely.")
        known = [
            TAKEN_TEXT,
            "First.",
            f"{TOLD}First.",
            "Second.",
            f"{TOLD}Second.",
            BACK_TEXT,
            "Third.",
        ]
        assert asked(theirs)[-len(known) :] == known
        assert LONG not in call.transcript
        assert said(call, "supervisor") == ["First.", "Second."]
        changes = [told for told in call.domain.told if told[0] in ("taken over", "given back")]
        assert changes == [("taken over", "token-1", "asked"), ("given back", "token-1", "asked")]
        roles = {each["role"] for kind, each in call.domain.messages if kind == "transcript"}
        assert "supervisor" in roles


@on_loop
async def test_a_caller_who_spoke_last_is_not_answered_where_it_is_not_wanted() -> None:
    async with greeted() as (call, theirs), supervising(call) as supervisor:
        await supervisor.take_over()
        call.say("book")
        await call.said("User: First.")
        await supervisor.give_back(triggerResponseEnabled=False)
        call.say("two")
        await call.said("AI: Surely.")
        assert len(theirs.chat.asked) == 1


@on_loop
async def test_a_supervisor_who_speaks_beside_the_assistant() -> None:
    async with greeted() as (call, theirs):
        async with supervising(call) as supervisor:
            await supervisor.say("person")
            await call.said("Supervisor: First.")
        call.say("book")
        await call.said("AI: Surely.")
        assert asked(theirs)[-2:] == [f"{TOLD}First.", "First."]
        assert "taken over" not in [told[0] for told in call.domain.told]
    await_items = [each for each in call.domain.spent if each["type"] == "transcriber"]
    assert len(await_items) == 2  # the supervisor's transcriber costs too
    assert all(each["minutes"] > 0 for each in await_items)


@on_loop
async def test_one_who_is_lost_has_a_time_to_come_back() -> None:
    async with greeted() as (call, theirs):
        async with supervising(call) as supervisor:
            await supervisor.take_over()
            supervisor.vanish()
        async with supervising(call) as supervisor:
            assert supervisor.start["takenOver"] is True
            call.say("book")
            await call.said("User: First.")
            await supervisor.say("person")
            await call.said("Supervisor: First.")
            assert theirs.chat.asked == []
            supervisor.vanish()
            began = call.clock
        await call.said("AI: Surely.")
        assert RETURN_SECONDS <= call.clock - began < RETURN_SECONDS + 5
        assert asked(theirs)[-1] == LOST_TEXT
        assert await call.domain.hears("given back") == ("given back", "token-1", "lost")


@on_loop
async def test_one_who_comes_after_a_take_over_by_the_api_and_leaves() -> None:
    async with greeted() as (call, theirs):
        call.give(type="take-over")
        await call.domain.hears("taken over")
        async with supervising(call) as supervisor:
            assert supervisor.start["takenOver"] is True
            call.say("book")
            await call.said("User: First.")
            assert theirs.chat.asked == []
        await call.said("AI: Surely.")
        assert await call.domain.hears("given back") == ("given back", "token-1", "left")


@on_loop
async def test_a_call_that_a_supervisor_had_on_its_socket_before() -> None:
    """A deploy: the next process does not speak before the supervisor is back."""
    talk = Conversation(clock=time.time)
    talk.said("bot", "Hello there.")
    talk.said("supervisor", "I am a person.", time.time())
    talk.said("user", "A table for two, please.")
    async with (
        vendors(*SCRIPT, replies="Surely.") as theirs,
        talking(TWILIO, {}, theirs, messages=talk.messages, taken_over=True) as call,
        supervising(call) as supervisor,
    ):
        assert supervisor.start["takenOver"] is True
        await supervisor.say("person")
        await call.said("Supervisor: First.")
        assert theirs.chat.asked == []
        await supervisor.give_back(triggerResponseEnabled=True)
        await call.said("AI: Surely.")
        known = [f"{TOLD}I am a person.", "A table for two, please.", f"{TOLD}First.", BACK_TEXT]
        assert asked(theirs)[-len(known) :] == known


@on_loop
async def test_silence_ends_no_call_that_a_supervisor_has() -> None:
    quiet = {**MENU, "silenceTimeoutSeconds": 10}
    async with talking(TWILIO, quiet) as call, supervising(call) as supervisor:
        await supervisor.take_over()
        await asyncio.sleep(11)
        assert call.reason is None


@on_loop
async def test_a_tool_at_work_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by an interruption: the model is not asked about its result."""
    function = {"name": "look", "parameters": {"type": "object", "properties": {}}}
    tool = {"type": "function", "function": function, "server": {"url": "https://a.example"}}
    model = {"provider": "openai", "model": "gpt-4o", "tools": [tool]}
    may_answer = threading.Event()
    async with greeted(model=model) as (call, theirs):
        ask = call.domain.ask

        def later(*args: Any) -> Reply:
            ask(*args)
            with idle():
                may_answer.wait(PATIENCE)
            return Reply(b'{"results": [{"result": "found"}]}')

        monkeypatch.setattr(call.domain, "ask", later)
        theirs.chat.script = [("look", ["{}"])]
        async with supervising(call) as supervisor:
            call.say("book")
            await call.domain.hears("ask")
            await supervisor.take_over()
            may_answer.set()
            call.say("open")
            await call.said("User: Second.")
            assert len(theirs.chat.asked) == 1
            await supervisor.give_back()
            await call.said("AI: Surely.")


@on_loop
async def test_an_assistant_without_a_transcriber() -> None:
    async with talking(TWILIO, MENU) as call, supervising(call) as supervisor:
        assert supervisor.start["transcribed"] is False
        await supervisor.take_over()
        await call.press("1")
        await supervisor.say("person")
        assert call.sounds()
        assert said(call, "bot") == []
        await supervisor.give_back()
        await call.press("1")
        await call.said("One.")


@on_loop
async def test_a_call_that_ends_already_has_its_last_words() -> None:
    async with talking(TWILIO, MENU) as call, supervising(call) as supervisor:
        call.give(type="say", content="Thank you, and goodbye to you.", endCallAfterSpoken=True)
        await call.until(call.sounds)
        await supervisor.send("take-over")
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
    assert "AI: Thank you, and goodbye to you." in call.transcript
    assert "taken over" not in [told[0] for told in call.domain.told]


@on_loop
async def test_a_command_from_before_ends_no_call_that_a_supervisor_has() -> None:
    """They are stored, and may come behind a take-over: by the websocket it comes at once."""
    last = {"type": "add-message", "message": {"role": "system", "content": "It is late."}}
    async with talking(TWILIO, MENU) as call, supervising(call) as supervisor:
        await supervisor.take_over()
        call.give(type="say", content="Goodbye.", endCallAfterSpoken=True)
        call.give(type="voicemail")
        call.give(**last)
        await call.until(lambda: "It is late." in said(call, "system"))
        await supervisor.give_back()
        await call.press("1")
        await call.said("One.")
        assert call.reason is None


@on_loop
async def test_a_transcriber_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise UnbuildableAssistant("transcriber", "deepgram", "its key is gone")

    async with greeted() as (call, theirs):
        monkeypatch.setattr(listener.stt, "make_transcribers", refuse)
        async with supervising(call) as supervisor:
            assert supervisor.start["transcribed"] is True
            while (await supervisor.told())["transcribed"]:
                pass
            await supervisor.take_over()
            call.say("book")
            await call.said("User: First.")
            await supervisor.give_back()
            await call.said("AI: Surely.")
        assert asked(theirs)[-1] == f"{BACK_TEXT} {UNHEARD_TEXT}"


@on_loop
async def test_a_give_back_that_was_not_stored_is_stored_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the API would refuse what the assistant is to say until the call's end."""
    async with talking(TWILIO, MENU) as call, supervising(call) as supervisor:
        await supervisor.take_over()
        await call.domain.hears("taken over")
        store = call.domain.taken_over

        def fail(*_: Any, **__: Any) -> None:
            monkeypatch.setattr(call.domain, "taken_over", store)
            raise OperationalError("", {}, Exception("the disk is full"))

        monkeypatch.setattr(call.domain, "taken_over", fail)
        await supervisor.give_back()
        call.give(type="give-back")
        assert await call.domain.hears("given back") == ("given back", "token-1", "asked")


@on_loop
async def test_a_store_that_hangs_holds_up_no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    stored, free = list[bool](), threading.Event()
    async with talking(TWILIO, MENU) as call, supervising(call) as supervisor:

        def hang(*_: Any, taken: bool, **__: Any) -> None:
            with idle():
                free.wait()
            stored.append(taken)

        monkeypatch.setattr(call.domain, "taken_over", hang)
        try:
            await supervisor.take_over()
            began = asyncio.get_running_loop().time()
            await supervisor.give_back()
            assert stored == []
            assert asyncio.get_running_loop().time() - began < 1.0, "of the loop's own time"
        finally:
            free.set()
        await call.domain.until(lambda: stored == [True, False])


@pytest.mark.parametrize("what", ["take-over", "say"])
@on_loop
async def test_an_answer_that_was_asked_for_early_and_is_dropped(what: str) -> None:
    """The caller's pause is not over: they are answered when it is."""
    slow = {"startSpeakingPlan": {"waitSeconds": 0.9}, **WAITS}
    async with (
        vendors("Yes.", replies="Surely.") as theirs,
        talking(TWILIO, slow, theirs, settings={"eager_model_requests": True}) as call,
    ):
        await one_sentence(call, theirs)
        await early(theirs, 1)
        if what == "say":
            call.give(type="say", content="One moment.", interruptAssistantEnabled=True)
        else:
            call.give(type="take-over")
            call.give(type="give-back")
        await call.said("User: Yes.")
        await call.said("AI: Surely.")
