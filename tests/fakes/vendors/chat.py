"""A server of OpenAI's chat completions, as OpenAI, Azure and all that speak it.

https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendors.served import Served
from tests.fakes.vendors.server import Asked

QUOTA = {
    "error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "param": None,
        "code": "insufficient_quota",
    }
}
"""https://platform.openai.com/docs/guides/error-codes"""
WRONG_KEY = {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}


class Chat(Served):
    """Says ``text``, or calls ``tool`` (name, arguments in pieces); before that, what ``script``
    holds, one for each request."""

    def __init__(self, text: str = "Good morning to you.") -> None:
        super().__init__()
        self.text = text
        self.tool: tuple[str, list[str]] | None = None
        self.script = list[str | tuple[str, list[str]]]()

    def events(self, asked: Asked) -> list[bytes]:
        model = asked.body["model"]
        turn = self.script.pop(0) if self.script else self.tool or self.text
        calls = not isinstance(turn, str)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += (
            [{"content": f"{w} "} for w in turn.split()] if isinstance(turn, str) else call(*turn)
        )
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        last = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}
        usage = {"prompt_tokens": 42, "completion_tokens": 17, "total_tokens": 59}
        chunks = [{"choices": [choice]} for choice in (*choices, last)]
        chunks.append({"choices": [], "usage": usage})
        common = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
        lines = [json.dumps({**common, **chunk}) for chunk in chunks]
        return [f"data: {line}\n\n".encode() for line in (*lines, "[DONE]")]

    def whole(self, asked: Asked) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text}
        return {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": asked.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 42, "completion_tokens": 17, "total_tokens": 59},
        }


def call(name: str, pieces: list[str]) -> list[dict[str, Any]]:
    """The deltas of a tool's call."""
    first = {"index": 0, "id": "call_1", "type": "function"}
    calls: list[dict[str, Any]] = [{**first, "function": {"name": name, "arguments": ""}}]
    calls += [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    return [{"tool_calls": [each]} for each in calls]
