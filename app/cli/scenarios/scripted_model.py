"""A model that says what the scenario tells it: chat completions, as a ``custom-llm``.

https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from app.cli.scenarios.asgi import Send, respond, stream
from app.cli.scenarios.faults import Needs
from app.cli.scenarios.schema import Reply
from app.cli.scenarios.script import Script
from app.cli.scenarios.vendor_faults import meets_fault
from providers.common.json_types import JsonDict, JsonObject

# Characters of a token, for the usage that costs are computed from.
TOKEN = 4
# What it answers to a question after the call, as for a summary.
AFTERWARDS = "The scripted model writes no analysis."
EVENTS = "text/event-stream"


async def answer(script: Script, asked: JsonObject, send: Send) -> None:
    """Answer one request for a completion."""
    if not asked.get("stream"):
        await respond(send, 200, json.dumps(_whole(asked)).encode())
        return
    if await meets_fault(script, Needs.MODEL, send):
        return
    messages = asked.get("messages", [])
    rounds = _rounds(messages)
    reply = script.reply(rounds)
    if reply is None and not rounds:
        script.problem(f"the model was asked in turn {script.step}, which has no replies")
    await stream(send, _events(asked, reply or Reply(), rounds), EVENTS)


def _rounds(messages: Sequence[JsonObject]) -> int:
    """How often the model has called tools since the caller's last words."""
    count = 0
    for message in reversed(messages):
        if message.get("role") == "user":
            break
        count += bool(message.get("tool_calls"))
    return count


def _events(asked: JsonObject, reply: Reply, rounds: int) -> Iterator[bytes]:
    deltas: list[JsonDict] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"{word} "} for word in reply.text.split()]
    for number, call in enumerate(reply.calls):
        function = {"name": call.name, "arguments": json.dumps(call.args)}
        called = {"index": number, "id": f"call_{rounds}_{number}_{len(asked['messages'])}"}
        deltas.append({"tool_calls": [{**called, "type": "function", "function": function}]})
    finish = "tool_calls" if reply.calls else "stop"
    for delta in deltas:
        yield _event(asked, choices=[{"index": 0, "delta": delta, "finish_reason": None}])
    yield _event(asked, choices=[{"index": 0, "delta": {}, "finish_reason": finish}])
    yield _event(asked, choices=[], usage=_usage(asked, reply.text))
    yield b"data: [DONE]\n\n"


def _event(asked: JsonObject, **fields: Any) -> bytes:
    common = {"id": "scripted", "object": "chat.completion.chunk", "created": 0}
    return f"data: {json.dumps({**common, 'model': asked.get('model'), **fields})}\n\n".encode()


def _usage(asked: JsonObject, text: str) -> dict[str, int]:
    prompt = len(json.dumps(asked.get("messages"))) // TOKEN
    return {
        "prompt_tokens": prompt,
        "completion_tokens": len(text) // TOKEN,
        "total_tokens": prompt + len(text) // TOKEN,
    }


def _whole(asked: JsonObject) -> JsonDict:
    message = {"role": "assistant", "content": AFTERWARDS}
    return {
        "id": "scripted",
        "object": "chat.completion",
        "created": 0,
        "model": asked.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(asked, AFTERWARDS),
    }
