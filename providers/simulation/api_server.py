"""A loopback HTTP server for a simulated carrier's REST API: one function answers every request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import urlsplit

from providers.simulation.stage import Callee, Stage

MAX_BODY = 1_000_000

S = TypeVar("S", bound=Stage)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """``target``: as on the wire, path and query. ``headers``: lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class ApiReply:
    """``body`` is sent as JSON, bytes as sound; None sends none. ``status`` 0: the line breaks."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # of clients that come at the same time


@contextmanager
def serve(answer: Callable[[ApiRequest], ApiReply], port: int = 0) -> Iterator[str]:
    """Yields the server's URL; closed at the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
            reply = answer(_request(self, self.rfile.read(length)))
            if not reply.status:
                self.close_connection = True
                return
            data, kind = _encoded(reply.body)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if data:
                self.send_header("Content-Type", kind)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing: the timeline shows the requests."""

    server = _Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), name="rest", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serve_stage(
    stage: S, answer: Callable[[ApiRequest], ApiReply], port: int, callee: Callee | None
) -> Iterator[S]:
    """The API of a stage's carrier, at its ``api_url``. The calls it is asked for are played."""
    stage.callee = callee or Callee()
    with stage, serve(answer, port) as stage.api_url:
        stage.wire.allow(stage.api_url)
        yield stage


def _encoded(body: Any) -> tuple[bytes, str]:
    if isinstance(body, bytes):
        return body, "audio/wav"
    return b"" if body is None else json.dumps(body).encode(), "application/json"


def _request(handler: BaseHTTPRequestHandler, body: bytes) -> ApiRequest:
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return ApiRequest(handler.command, handler.path, headers, body)
