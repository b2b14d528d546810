"""A server of Anthropic's messages.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendors.served import Served
from tests.fakes.vendors.server import Asked

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
QUOTA = {
    "type": "error",
    "error": {"type": "rate_limit_error", "message": "This would exceed your rate limit."},
}
"""https://docs.anthropic.com/en/api/errors"""
WRONG_KEY = {
    "type": "error",
    "error": {"type": "authentication_error", "message": "invalid x-api-key"},
}


class Anthropic(Served):
    """Says ``text``, or uses ``tool`` (name, input in pieces of JSON)."""

    def __init__(self, text: str = "Good morning to you.") -> None:
        super().__init__()
        self.text = text
        self.tool: tuple[str, list[str]] | None = None

    def events(self, asked: Asked) -> list[bytes]:
        message = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": asked.body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 42, "output_tokens": 1},
        }
        stop = "tool_use" if self.tool else "end_turn"
        return [
            _event("message_start", message=message),
            *(self._use() if self.tool else self._say()),
            _event("content_block_stop", index=0),
            _event(
                "message_delta",
                delta={"stop_reason": stop, "stop_sequence": None},
                usage={"output_tokens": 17},
            ),
            _event("message_stop"),
        ]

    def whole(self, asked: Asked) -> dict[str, Any]:
        return {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": asked.body["model"],
            "content": [{"type": "text", "text": self.text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 42, "output_tokens": 17},
        }

    def _say(self) -> list[bytes]:
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": f"{word} "} for word in self.text.split()]
        return _block(block, deltas)

    def _use(self) -> list[bytes]:
        assert self.tool is not None
        name, pieces = self.tool
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        return _block(block, [{"type": "input_json_delta", "partial_json": p} for p in pieces])


def _block(block: dict[str, Any], deltas: list[dict[str, Any]]) -> list[bytes]:
    start = _event("content_block_start", index=0, content_block=block)
    return [start, *(_event("content_block_delta", index=0, delta=delta) for delta in deltas)]


def _event(type: str, **fields: Any) -> bytes:
    return f"event: {type}\ndata: {json.dumps({'type': type, **fields})}\n\n".encode()
