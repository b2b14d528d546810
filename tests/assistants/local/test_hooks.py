"""Hooks in a call: what is said, added, called and transferred, and when."""

from __future__ import annotations

from typing import Any

from app.domain.context import Reply
from providers.events import EndedReason
from tests.assistants.local.talk import Call, talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
EMBEDDED = {"model": {"provider": "embedded", "menu": {"1": {"say": "One."}}}}
TOLD = {"type": "function", "function": {"name": "told"}}
END = {"type": "tool", "tool": {"type": "endCall"}}
DESK = {"type": "number", "number": "+14155550101"}


def asked(call: Call) -> list[Any]:
    return [each[2:4] for each in call.domain.told if each[0] == "ask"]


@on_loop
async def test_a_silent_caller_is_asked_as_often_as_the_hook_says() -> None:
    hook = {
        "on": "customer.speech.timeout",
        "options": {"timeoutSeconds": 2, "triggerMaxCount": 2},
        "do": [{"type": "say", "exact": "Hello {{name}}?"}],
    }
    assistant = {
        **EMBEDDED,
        "firstMessage": "Hi.",
        "hooks": [hook],
        "variableValues": {"name": "Ann"},
        "silenceTimeoutSeconds": 10,
    }
    async with talking(TwilioCaller(), assistant) as call:
        assert await call.end() is EndedReason.SILENCE_TIMED_OUT
        assert call.transcript == "AI: Hi.\nAI: Hello Ann?\nAI: Hello Ann?\n"


@on_loop
async def test_a_call_of_some_age_is_ended_by_its_hook() -> None:
    """As assistants that leave a message have it: `call.timeElapsed` and the tool `endCall`."""
    hooks = [
        {"on": "call.timeElapsed", "options": {"seconds": 20}, "do": [END]},
        {
            "on": "call.timeElapsed",
            "options": {"seconds": 5},
            "do": [{"type": "say", "exact": "Soon."}],
        },
    ]
    assistant = {**EMBEDDED, "firstMessage": "Hi.", "hooks": hooks, "silenceTimeoutSeconds": 60}
    async with talking(TwilioCaller(), assistant) as call:
        begun = call.clock
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
        assert 19 < call.clock - begun < 25
        assert call.transcript == "AI: Hi.\nAI: Soon.\n"


@on_loop
async def test_an_interruption_is_told() -> None:
    """To the model as a message, and to the client's server by a tool."""
    message = {"role": "system", "content": "You were interrupted."}
    added = {"type": "message.add", "message": message, "triggerResponseEnabled": False}
    hook = {
        "on": "assistant.speech.interrupted",
        "do": [added, {"type": "tool", "tool": TOLD}],
    }
    async with (
        vendors("Stop.") as theirs,
        talking(TwilioCaller(), {"firstMessage": LONG, "hooks": [hook]}, theirs) as call,
    ):
        call.domain.replies.append(Reply(b"{}"))
        await call.until(call.sounds)
        call.say("stop")
        await call.said("AI: Good morning to you.")
        await call.until(lambda: len(asked(call)) > 0)
    assert message in theirs.chat.asked[-1].body["messages"]
    [(kind, extra)] = asked(call)
    assert (kind, extra["toolCallList"][0]["function"]["name"]) == ("tool-calls", "told")


@on_loop
async def test_the_end_is_told_once_with_the_callers_leave() -> None:
    """A hook for another reason is not carried out."""
    other = {"type": "oneOf", "key": "call.endedReason", "oneOf": ["silence-timed-out"]}
    tool = {"type": "tool", "tool": TOLD}
    hooks = [
        {"on": "call.ending", "do": [tool]},
        {"on": "call.ending", "filters": [other], "do": [tool, tool]},
    ]
    async with talking(TwilioCaller(), {**EMBEDDED, "firstMessage": "Hi.", "hooks": hooks}) as call:
        await call.said("AI: Hi.")
        await call.stop()
        await call.domain.until(lambda: len(asked(call)) > 0)
        await call.end()
        assert len(asked(call)) == 1


@on_loop
async def test_a_call_whose_model_cannot_be_built_is_transferred() -> None:
    """The caller is not hung up on."""
    hook = {"on": "call.ending", "do": [{"type": "transfer", "destination": DESK}]}
    assistant = {"model": {"provider": "openai", "model": "gpt-4o"}, "hooks": [hook]}
    async with talking(TwilioCaller(), assistant) as call:
        await call.domain.until(lambda: "transfer" in call.domain.words())
        assert call.reason is None
        [told] = [each for each in call.domain.told if each[0] == "transfer"]
        assert told[2] == DESK


@on_loop
async def test_a_transfer_that_is_refused_ends_the_call_with_its_reason() -> None:
    transfer = {"type": "transferCall", "destinations": [DESK]}
    hook = {"on": "call.ending", "do": [{"type": "tool", "tool": transfer}]}
    assistant = {**EMBEDDED, "hooks": [hook], "silenceTimeoutSeconds": 2, "firstMessage": "Hi."}
    async with talking(TwilioCaller(), assistant) as call:
        call.domain.refuses_transfer = "not allowed"
        assert await call.end() is EndedReason.SILENCE_TIMED_OUT
        assert "transfer" in call.domain.words()
