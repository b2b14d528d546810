"""The model is asked while the caller's pause is waited out, where the operator wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    LLMContextFrame,
    LLMRunFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.asyncio.task_manager import TaskManager
from pipecat.utils.base_object import BaseObject

from app.assistants.local.takeover.hold import Hold
from app.assistants.local.turns.caller_end import CallerTurnEnd
from app.assistants.local.turns.eager_request import EagerRequests, RequestText
from app.assistants.local.turns.pause import Helpers
from app.assistants.local.voicemail_detector import AfterTurnFilter
from app.domain.assistant.endpointing import StartSpeakingPlan
from providers.events import EndedReason
from tests.assistants.local.talk import Call, Vendors, talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller

WAITS = {"firstMessageMode": "assistant-waits-for-user"}
EAGER = {"eager_model_requests": True}
PATIENT = {"waitSeconds": 0.9}
"""Longer than the pause between two sentences of these callers."""


async def one_sentence(call: Call, theirs: Vendors) -> None:
    await theirs.ears.until(1)
    call.pause(0.5)
    call.say("yes")


async def asked(theirs: Vendors, count: int) -> None:
    """Wait until the model got so many requests."""
    while len(theirs.chat.asked) < count:
        theirs.chat.came.clear()
        await theirs.chat.came.wait()


async def two_sentences(call: Call, theirs: Vendors) -> None:
    """With a pause that the voice detector notices, and that ends no turn."""
    await one_sentence(call, theirs)
    call.pause(0.7)
    call.say("yes")


def contents(theirs: Vendors, request: int) -> list[Any]:
    return [each["content"] for each in theirs.chat.asked[request].body["messages"]]


def assistant(start: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**WAITS, "startSpeakingPlan": start, **more}


@on_loop
async def test_the_model_is_asked_before_the_turn_is_over() -> None:
    """Once, and its answer is spoken after the turn's end."""
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), assistant(PATIENT), theirs, settings=EAGER) as call,
    ):
        await one_sentence(call, theirs)
        await asked(theirs, 1)
        then = call.clock
        await call.said("User: Yes.")
        assert call.clock - then > 0.5
        await call.said("AI: Good morning to you.")
        call.pause(0.5)
        call.say("yes")
        await asked(theirs, 2)
    assert contents(theirs, 1) == ["Yes.", "Good morning to you.", "Yes."]


@on_loop
async def test_an_answer_is_thrown_away_when_the_caller_goes_on() -> None:
    async with (
        vendors("Yes.", "And no.") as theirs,
        talking(TwilioCaller(), assistant(PATIENT), theirs, settings=EAGER) as call,
    ):
        theirs.chat.script += ["To the first.", "To both."]
        await two_sentences(call, theirs)
        await call.said("AI: To both.")
    assert contents(theirs, 0) == ["Yes."]
    assert contents(theirs, 1) == ["Yes. And no."]
    assert call.transcript == "User: Yes. And no.\nAI: To both.\n"


@on_loop
async def test_without_the_setting_it_is_asked_after_the_turn() -> None:
    async with (
        vendors("Yes.", "And no.") as theirs,
        talking(TwilioCaller(), assistant(PATIENT), theirs) as call,
    ):
        await two_sentences(call, theirs)
        await call.said("AI: Good morning to you.")
    assert len(theirs.chat.asked) == 1


@on_loop
async def test_a_long_wait_is_no_likely_end() -> None:
    plan = {"transcriptionEndpointingPlan": {"onPunctuationSeconds": 1.6}}
    async with (
        vendors("Yes.", "And no.") as theirs,
        talking(TwilioCaller(), assistant(plan), theirs, settings=EAGER) as call,
    ):
        await two_sentences(call, theirs)
        await call.said("AI: Good morning to you.")
    assert contents(theirs, 0) == ["Yes. And no."]


@on_loop
async def test_a_tool_runs_after_the_turn_and_once() -> None:
    """A caller who goes on has not asked for it."""
    model = {"provider": "openai", "model": "gpt-4o", "tools": [{"type": "endCall"}]}
    whole = assistant(PATIENT, model=model)
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), whole, theirs, settings=EAGER) as call,
    ):
        theirs.chat.tool = ("endCall", ["{}"])
        await one_sentence(call, theirs)
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
        assert "User: Yes." in call.transcript
    assert [contents(theirs, request) for request in range(2)] == [["Yes."], ["Yes."]]


COMMANDS: Mapping[str, tuple[dict[str, Any], Sequence[str], str]] = {
    "an interruption": (
        {"type": "say", "content": "One moment.", "interruptAssistantEnabled": True},
        ["Never said.", "To the caller."],
        "AI: To the caller.",
    ),
    "a message that wants an answer": (
        {"type": "add-message", "message": {"role": "user", "content": "Ann called."}},
        ["Never said.", "To both."],
        "AI: To both.",
    ),
}
"""A command of live control, the model's answers, and the one that is heard."""


@pytest.mark.parametrize("name", COMMANDS)
@on_loop
async def test_the_model_is_asked_anew_at_the_turns_end_after_a_command(name: str) -> None:
    command, answers, wanted = COMMANDS[name]
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), assistant(PATIENT), theirs, settings=EAGER) as call,
    ):
        theirs.chat.script += answers
        await one_sentence(call, theirs)
        await asked(theirs, 1)
        call.give(**command)
        await call.said(wanted)
        assert "Never said." not in call.transcript
    assert contents(theirs, -1).count("Yes.") == 1


@pytest.mark.parametrize("late", [False, True])
@on_loop
async def test_a_tool_that_is_called_as_the_turn_ends_runs(late: bool) -> None:
    """The model has dropped its answer, and the turn's end relied on it: it is asked again, once."""
    helpers = Helpers(lambda: "", lambda _: None, eager=EagerRequests())
    end, pushed, over = CallerTurnEnd(StartSpeakingPlan(), helpers), list[Frame](), asyncio.Event()
    await BaseObject.setup(end, TaskManager())

    async def stopped(*_: Any) -> None:
        await end.handle_user_turn_stopped()
        if not late:
            await end.process_frame(EagerEndOfTurnCancelFrame())
            assert not pushed
        over.set()

    async def push(_: Any, frame: Frame, __: Any) -> None:
        pushed.append(frame)

    end.add_event_handler("on_user_turn_stopped", stopped)
    end.add_event_handler("on_push_frame", push)
    await end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await end.process_frame(TranscriptionFrame("Yes.", "caller", "now", finalized=True))
    await over.wait()
    await asyncio.sleep(0)
    for _ in range(2 if late else 0):
        await end.process_frame(EagerEndOfTurnCancelFrame())
    assert [type(frame) for frame in pushed] == [LLMRunFrame]


@on_loop
async def test_a_whole_sentence_is_a_likely_end_while_its_sound_is_judged() -> None:
    """The turn model needs time on a busy machine: the model is asked meanwhile."""
    plan = {"smartEndpointingPlan": {"provider": "vapi"}, "waitSeconds": 0.3}
    async with (
        vendors("Yes.") as theirs,
        talking(TwilioCaller(), assistant(plan), theirs, settings=EAGER) as call,
    ):
        await one_sentence(call, theirs)
        await call.said("AI: Good morning to you.")
    assert len(theirs.chat.asked) == 1
    assert call.transcript == "User: Yes.\nAI: Good morning to you.\n"


@on_loop
async def test_another_request_takes_its_place() -> None:
    """The model drops the answer to the eager one: the turn's end may not rely on it."""
    requests, passed = EagerRequests(RequestText("Yes.")), list[Frame]()
    behind_turns = AfterTurnFilter(None, Hold(), requests)

    async def push(frame: Frame, _: FrameDirection) -> None:
        passed.append(frame)

    behind_turns.push_frame = push  # type: ignore[assignment]
    other = frame("What else?", eager=False)
    await behind_turns.process_frame(other, FrameDirection.DOWNSTREAM)
    assert passed == [other]
    assert requests.wanted is None


def frame(text: str, *, eager: bool = True) -> LLMContextFrame:
    context = LLMContext([{"role": "user", "content": text}])
    return LLMContextFrame(context=context, speculation=eager)


def test_a_request_that_waits_in_a_queue_is_known_as_withdrawn() -> None:
    """Also by one with the same words: the first would be answered before it."""
    first, second = RequestText("Yes."), RequestText("Yes.")
    requests = EagerRequests(second)
    assert requests.is_withdrawn(frame(first))
    assert not requests.is_withdrawn(frame(second))
    requests.wanted = None
    assert requests.is_withdrawn(frame(second))
    assert not requests.is_withdrawn(frame("Yes.", eager=False))
