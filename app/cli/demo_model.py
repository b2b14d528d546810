"""A scripted model, for a demo on a machine without one: OpenAI's chat completions over HTTP.

It answers by the words of the caller's last turn, and thinks nothing.
https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME = "script"
# Words of the caller -> the answer. The first pattern that fits counts.
ANSWERS: Sequence[tuple[str, str]] = (
    (r"\bbye\b|goodbye", "Thank you for your call. Goodbye."),
    (r"saturday|sunday|weekend", "No, at the weekend we are closed."),
    (r"hours|open|close", "We are open from nine to five, Monday to Friday."),
    (r"table|book|appointment", "I would gladly write that down, but I am only a script."),
)
OTHERWISE = "I am a script and no model, so I know the opening hours only."


def answer(messages: Sequence[Any]) -> str:
    """What it says next. ``messages``: as in a request, text or parts."""
    said = [each for each in messages if isinstance(each, dict) and each.get("role") == "user"]
    words = json.dumps(said[-1].get("content")).lower() if said else ""
    return next((text for pattern, text in ANSWERS if re.search(pattern, words)), OTHERWISE)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        text = answer(asked.get("messages") or [])
        if asked.get("stream"):
            self._send("text/event-stream", b"".join(_events(text)))
        else:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self._send("application/json", json.dumps(_completion("", [choice])).encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def _events(text: str) -> Iterator[bytes]:
    """A word at a time, as models stream."""
    pieces: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    pieces += [{"content": each} for each in re.findall(r"\S+\s*", text)]
    choices: list[Any] = [{"index": 0, "delta": each, "finish_reason": None} for each in pieces]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    for choice in choices:
        yield b"data: " + json.dumps(_completion(".chunk", [choice])).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def _completion(end: str, choices: list[Any]) -> dict[str, Any]:
    kind = f"chat.completion{end}"
    return {"id": "script", "object": kind, "created": 0, "model": NAME, "choices": choices}


@contextmanager
def scripted_model() -> Iterator[str]:
    """Its base URL on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
