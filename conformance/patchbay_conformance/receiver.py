"""The client's server: it takes the server messages, remembers them, and answers as a row wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = Callable[[Mapping[str, Any]], tuple[int, Any]]
"""A message, or the whole body of another request -> status and JSON, or the bytes of an event stream."""


@dataclass(frozen=True)
class Received:
    """One request. ``message``: its ``message`` member; ``status``: what was answered."""

    path: str
    headers: Mapping[str, str]
    message: Mapping[str, Any]
    status: int
    at: float

    @property
    def call_id(self) -> str:
        call = self.message.get("call")
        return str(call.get("id", "")) if isinstance(call, Mapping) else ""

    @property
    def kind(self) -> str:
        """The type, and of a status update the status."""
        kind, status = self.message.get("type"), self.message.get("status")
        return f"{kind}:{status}" if kind == "status-update" else str(kind)

    @property
    def id(self) -> str:
        """What tells a message from its repetition: its id, or else what it is about.

        Vapi's page names no header. Servers that sign by Standard Webhooks have ``webhook-id``.
        """
        given = self.headers.get("webhook-id") or self.headers.get("x-vapi-message-id")
        return given or f"{self.call_id} {self.kind}"


class Receiver:
    """Listens on ``host``; the server reaches it at ``url``, which may be a tunnel's."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, url: str = "") -> None:
        self._server = _Server((host, port), _Handler)
        self._server.receiver = self
        own = f"http://{host}:{self._server.server_address[1]}"
        self.base = (url or own).rstrip("/")
        self._received: list[Received] = []
        self._replies: dict[str, Reply] = {}
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, name: str, reply: Reply | None = None) -> str:
        """An address of its own for a row, answered by ``reply``; without one with 200 and ``{}``."""
        if reply is not None:
            self._replies[name] = reply
        return f"{self.base}/{name}"

    def all(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    def of(self, call_id: str) -> list[Received]:
        """The messages of a call, in the order in which they came."""
        return [each for each in self.all() if each.call_id == call_id]

    def until(self, enough: Callable[[list[Received]], bool], seconds: float) -> bool:
        """Wait until the messages are enough. Returns whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: enough(self._received), seconds)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        message = _message(body)
        reply = next((self._replies[p] for p in path.split("/") if p in self._replies), None)
        status, answer = reply(message) if reply is not None else (200, {})
        with self._changed:
            self._received.append(Received(path, headers, message, status, time.monotonic()))
            self._changed.notify_all()
        return status, answer


def _message(body: bytes) -> Mapping[str, Any]:
    with suppress(ValueError):
        whole = json.loads(body)
        if isinstance(whole, dict):
            return dict(whole["message"] if isinstance(whole.get("message"), dict) else whole)
    return {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.server.receiver.take(self.path, headers, body)
        streams = isinstance(answer, bytes)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        with suppress(ConnectionError):  # the server was killed meanwhile
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream" if streams else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the table says what matters."""
