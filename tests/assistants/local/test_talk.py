"""Whole conversations on both carriers' sockets, with a model and a transcriber that are stand-ins."""

from __future__ import annotations

import time

from app.assistants.local.transcript.conversation import Conversation
from app.domain.timings import Timing
from providers.events import EndedReason
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.base import Caller
from tests.media.server import BY_NAME


@BY_NAME
@on_loop
async def test_three_turns(caller: Caller) -> None:
    script = ("I would like to book a table.", "For two people, please.", "Thank you, goodbye.")
    async with (
        vendors(*script, replies="Surely.") as theirs,
        talking(caller, {"firstMessage": "Hello there."}, theirs) as call,
    ):
        await call.said("AI: Hello there.")
        assert call.sounds()
        for name, text in zip(("book", "two", "bye"), script, strict=True):
            before = call.transcript.count("AI:")
            call.say(name)
            await call.said(f"User: {text}")
            await call.until(lambda before=before: call.transcript.count("AI:") > before)
        await call.stop()
        await call.socket.close()
    roles = [each["role"] for each in call.domain.kept["messages"]]
    assert roles == ["bot", "user", "bot", "user", "bot", "user", "bot"]
    assert call.reason is None
    measured = [timing for timing, _ in call.domain.observed]
    of_a_turn = [timing for timing in Timing if timing.value.endswith("_latency")]
    assert measured == [Timing.FIRST_SOUND, *of_a_turn * 3]
    whole = [seconds for timing, seconds in call.domain.observed if timing is Timing.TURN_LATENCY]
    metrics = call.domain.kept["performanceMetrics"]
    listed = [each["turnLatency"] for each in metrics["turnLatencies"]]
    assert listed == [round(seconds * 1000) for seconds in whole]
    assert min(listed) > 300  # waitSeconds
    last = theirs.chat.asked[-1].body["messages"]
    assert [each["content"] for each in last if each["role"] == "user"] == list(script)


@on_loop
async def test_a_turn_that_the_earlier_socket_left_unanswered() -> None:
    """A deploy in the moment of the answer: the caller need not ask again."""
    talk = Conversation(clock=time.time)
    talk.said("bot", "Hello there.")
    talk.said("user", "A table for two, please.")
    async with (
        vendors(replies="Surely.") as theirs,
        talking(FAKES["twilio"].caller("token-1"), {}, theirs, messages=talk.messages) as call,
    ):
        await call.said("AI: Surely.")
        await call.stop()
        await call.socket.close()
    asked = theirs.chat.asked[-1].body["messages"]
    assert asked[-1]["content"] == "A table for two, please."


@BY_NAME
@on_loop
async def test_the_menu_of_an_assistant_without_any_account(caller: Caller) -> None:
    async with talking(caller, {}) as call:
        await call.said("AI:")
        assert "AI" in call.transcript
        await call.press("#")
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL


@on_loop
async def test_what_the_model_and_the_voice_do_is_told_to_who_asks() -> None:
    wanted = ["assistant.started", "model-output", "voice-input"]
    for listed in ([], wanted):
        async with (
            vendors("Yes.", replies="Surely.") as theirs,
            talking(
                FAKES["twilio"].caller("token-1"),
                {"firstMessageMode": "assistant-waits-for-user", "serverMessages": listed},
                theirs,
            ) as call,
        ):
            call.say("yes")
            await call.said("AI: Surely.")
            await call.stop()
            await call.socket.close()
        told = {kind: extra for kind, extra in call.domain.messages if kind in wanted}
        # the session's service leaves out what the assistant's server does not list
        assert listed == [] or sorted(told) == wanted
        assert listed or not told.keys() & {"model-output", "voice-input"}
        if listed:
            assert told["assistant.started"]["newAssistant"]["serverMessages"] == wanted
            assert told["voice-input"] == {"input": "Surely."}
