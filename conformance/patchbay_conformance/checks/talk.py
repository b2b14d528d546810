"""Ends that an assistant decides on. The kit is its model, and says what leads there.

The model is an OpenAI-compatible server. It is asked at once, because it has to make the first message.
https://docs.vapi.ai/customization/custom-llm/using-your-server
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from patchbay_conformance.receiver import Reply
from patchbay_conformance.row import Row
from patchbay_conformance.verdict import NotAsked, expect
from patchbay_conformance.world import World

FIRST = {"firstMessageMode": "assistant-speaks-first-with-model-generated-message"}
SILENCE_SECONDS = 10
PHRASE = "goodbye for now"
END_CALL = {"tools": [{"type": "endCall"}]}


class Talk(NamedTuple):
    """What the model does. ``waits``: seconds that lie in the nature of the row."""

    reason: str
    says: str
    reply: Reply
    assistant: Mapping[str, Any] = FIRST
    model: Mapping[str, Any] = {}
    waits: float = 0


def stream(*deltas: Mapping[str, Any], finish: str = "stop") -> bytes:
    """Chunks of a chat completion as server-sent events."""
    names: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1}
    names["model"] = "conformance"
    choices: list[dict[str, Any]] = [
        *({"index": 0, "delta": delta, "finish_reason": None} for delta in deltas),
        {"index": 0, "delta": {}, "finish_reason": finish},
    ]
    lines = [json.dumps({**names, "choices": [choice]}) for choice in choices]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


def say(text: str) -> Reply:
    return lambda _: (200, stream({"role": "assistant", "content": text}))


def call_tool(request: Mapping[str, Any]) -> tuple[int, Any]:
    """The one tool that was offered, by the name that the server gave it."""
    tools = request.get("tools") or [{}]
    name = (tools[0].get("function") or {}).get("name", "endCall")
    function = {"name": name, "arguments": "{}"}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    return 200, stream({"role": "assistant", "tool_calls": [call]}, finish="tool_calls")


TALKS = (
    Talk(
        "assistant-said-end-call-phrase",
        "the assistant speaks one of endCallPhrases",
        say(f"It was a pleasure. {PHRASE.capitalize()}."),
        {**FIRST, "endCallPhrases": [PHRASE]},
    ),
    Talk("assistant-ended-call", "the model calls endCall", call_tool, model=END_CALL),
    Talk(
        "pipeline-error-custom-llm-llm-failed",
        "the customer's own model answers 500",
        lambda _: (500, {"error": {"message": "no"}}),
    ),
    Talk(
        "silence-timed-out",
        "silenceTimeoutSeconds without speech",
        say("Hello."),
        {**FIRST, "silenceTimeoutSeconds": SILENCE_SECONDS},
        waits=SILENCE_SECONDS,
    ),
)


def talk(row: Talk) -> Callable[[World], None]:
    def check(world: World) -> None:
        if world.target.talking is None:
            raise NotAsked(
                "--talking-assistant: one with voice and transcriber; the kit is its model"
            )
        url = world.reply("model", row.reply)
        own = {"provider": "custom-llm", "url": url, "model": "conformance"}
        speaks = {"role": "system", "content": "Speak."}
        model = {**own, "messages": [speaks], **row.model}
        carrier = world.carrier("twilio")
        talking = {**world.messages(), **world.target.talking, **row.assistant, "model": model}
        call, leg, document, socket = world.joined(carrier, assistant=talking)
        expect(
            socket.until_closed(world.target.patience + row.waits), "the media socket stays open"
        )
        if document.continue_url:
            world.tell(carrier, document.continue_url, carrier.closed(leg, document))
        world.ended(call, row.reason)

    return check


ROWS = [
    Row(f"ended.{row.reason}", row.says, "a model of the kit's, a media socket", talk(row))
    for row in TALKS
]
