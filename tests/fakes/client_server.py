"""A receiver of server messages: a real HTTP server that remembers requests and answers as told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PATIENCE = 60.0
"""Seconds until a test that waits for a request gives up: only ever reached by a failure."""


@dataclass(frozen=True)
class Request:
    """What came. ``headers``: lower-case names."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True)
class Reply:
    """What goes back. ``silent``: nothing does, until the receiver is closed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    silent: bool = False


class Receiver:
    """Answers with the ``script``'s replies in turn, then with ``reply``."""

    def __init__(self, script: Iterable[int | Reply] = (), reply: int | Reply = 200) -> None:
        self.requests: list[Request] = []
        self.reply = reply
        self._script = list(script)
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def script(self, *replies: int | Reply) -> None:
        """The next replies."""
        with self._changed:
            self._script.extend(replies)

    def wait(self, count: int) -> list[Request]:
        """The requests, once there are ``count`` of them."""
        return self.wait_for(lambda came: len(came) >= count)

    def wait_for(self, enough: Callable[[list[Request]], bool]) -> list[Request]:
        """The requests, once they are what was waited for."""
        with self._changed:
            if not self._changed.wait_for(lambda: enough(self.requests), PATIENCE):
                raise AssertionError(f"only {len(self.requests)} requests came")
            return list(self.requests)

    def take(self, request: Request) -> Reply | None:
        """Remember a request; its reply, or None for silence."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            told = self._script.pop(0) if self._script else self.reply
        reply = Reply(told) if isinstance(told, int) else told
        if reply.silent:
            self._closing.wait()
            return None
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.receiver.take(Request(self.path, headers, body, self.command))
        self.close_connection = True
        if reply is None:
            return
        with suppress(ConnectionError):  # the sender was killed meanwhile
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    do_GET = do_POST  # noqa: N815  # the name is the library's

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test says what it expected."""
