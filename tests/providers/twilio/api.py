"""A stand-in for Twilio's REST API, on the loopback address."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from providers.base.rest import Account
from providers.twilio import TWILIO
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, TOKEN, holding

CALLS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"


@dataclass
class Api:
    """What answers as Twilio: one answer for all, every request kept."""

    url: str = ""
    status: int = 201
    body: bytes = json.dumps({"sid": CALL_SID, "status": "queued"}).encode()
    requests: list[tuple[str, str, dict[str, str], dict[str, list[str]]]] = field(
        default_factory=list
    )

    headers: dict[str, str] = field(default_factory=dict)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def says(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


@contextmanager
def standing_in() -> Iterator[Api]:
    """The stand-in, until the end of the block."""
    api = Api()
    api.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            form = parse_qs(self.rfile.read(length).decode())
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.requests.append((self.command, self.path, headers, form))
            api.may_answer.wait()
            self.send_response(api.status)
            for name, value in api.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(api.body)))
            self.end_headers()
            self.wfile.write(api.body)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        api.may_answer.set()
        server.shutdown()
        thread.join()


def client_of(api: Api, account: Account | None = None) -> Any:
    account = replace(account or holding(TOKEN), api_url=api.url)
    return TWILIO.client(account, timeout=5.0)


def login(api: Api) -> str:
    _, _, headers, _ = api.requests[-1]
    return base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()


def problem(code: int, message: str = "no") -> dict[str, Any]:
    """An error of Twilio's, in its older form."""
    return {"code": code, "message": message, "status": 400}
