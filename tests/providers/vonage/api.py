"""A stand-in for Vonage's REST API, on the loopback address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from providers.base.instructions import Connect
from providers.base.rest import Account, OutboundCall
from tests.providers.vonage.cases import API_KEY, APPLICATION, MEDIA_URL, new_private_key

PRIVATE_KEY = new_private_key()
LEG = "63f61863-4a51-4f6b-86e1-46edebcf9356"
EVENTS = "https://patchbay.example/vonage/event/tok_1"
CONNECT = Connect("c1", MEDIA_URL, EVENTS, EVENTS, "+14155550100")
ORDER = OutboundCall("+447700900123", "+14155550100", CONNECT, EVENTS, 600)
CREATED = {
    "uuid": LEG,
    "conversation_uuid": "CON-1",
    "status": "started",
    "direction": "outbound",
}


@dataclass
class StandIn:
    """What to answer, per method, and what was asked. A status of 0 drops the connection."""

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    then: list[tuple[int, Any]] = field(default_factory=list)
    """Answers that follow, whatever the method."""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """The stand-in, until the end of the block."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            stand_in.asked.append((self.command, self.path, body, headers))
            status, content = stand_in.answers[self.command]
            if stand_in.then:
                stand_in.answers[self.command] = stand_in.then.pop(0)
            if not status:
                self.connection.close()
                return
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            if content is None:
                data = b""
            self.send_response(status)
            for name, value in stand_in.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A dropped connection is one of the cases."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


def account(api_url: str | None, **secrets: Any) -> Account:
    given = {"applicationId": APPLICATION, "privateKey": PRIVATE_KEY, **secrets}
    return Account(API_KEY, given, api_url=api_url)
