"""A stand-in for the bridge: answers the carriers' simulators as a test tells it, and remembers."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from providers.base.media import Audio, Digit, MediaSerializer
from providers.base.webhook import WebhookRequest
from providers.registry import PROVIDERS

CALL_ID = "7a9d3c52-61f0-4f0e-9a55-3f1f6f5a1b11"


@dataclass(frozen=True)
class Answer:
    """What the stand-in says; 204 by default."""

    status: int = 204
    body: str = ""
    content_type: str = "text/xml"


@dataclass
class Bridge:
    """``answers``: path -> answers in turn, the last of which stays.

    ``sockets`` is called with each media socket that is opened.
    """

    url: str = ""
    media_url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    sockets: Callable[[ServerConnection], None] = lambda ws: None
    requests: list[WebhookRequest] = field(default_factory=list)
    """Every request, as the carriers' own parts want it; in order of arrival."""
    handshakes: list[tuple[str, Sequence[tuple[str, str]]]] = field(default_factory=list)
    """(path, headers) of every media socket."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def to(self, path: str) -> list[WebhookRequest]:
        """The requests to one path."""
        return [each for each in self.requests if urlsplit(each.url).path == path]

    def forms(self, path: str) -> list[dict[str, str]]:
        return [dict(parse_qsl(each.body.decode())) for each in self.to(path)]

    def documents(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.to(path)]

    def api(self, *states: Mapping[str, Any], details: Mapping[str, Any] | None = None) -> None:
        """The public API, as far as the simulators use it: the call has these states in turn."""
        numbers = [{"id": "pn-1", "provider": name, "number": "+14155550001"} for name in PROVIDERS]
        created = {"id": CALL_ID, "phoneCallProviderDetails": details or {}}
        self.answers |= {
            "/phone-number": [said(numbers)],
            "/assistant": [said([{"id": "as-1", "name": "Simulated assistant"}])],
            "/call": [said(created, 201)],
            f"/call/{CALL_ID}": [said({"id": CALL_ID, **state}) for state in states],
        }

    def answer(self, request: WebhookRequest) -> Answer:
        with self.lock:
            self.requests.append(request)
            answers = self.answers.get(urlsplit(request.url).path, [Answer()])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def meet(self, ws: ServerConnection) -> None:
        assert ws.request is not None
        self.handshakes.append((ws.request.path, list(ws.request.headers.raw_items())))
        self.sockets(ws)


def said(value: Any, status: int = 200) -> Answer:
    """JSON."""
    return Answer(status, json.dumps(value), "application/json")


def echo(serializer: Callable[[], MediaSerializer]) -> Callable[[ServerConnection], None]:
    """An assistant that repeats the caller, and closes on ``#``, by the carrier's real codec."""

    def run(ws: ServerConnection) -> None:
        translate = serializer()
        for message in ws:
            frame = translate.decode(message)
            if isinstance(frame, Audio):
                for sound in translate.audio(frame.pcm):
                    ws.send(sound)
            if isinstance(frame, Digit) and frame.digit == "#":
                return

    return run


@contextmanager
def standing_in() -> Iterator[Bridge]:
    """The stand-in on two loopback ports, until the end of the block."""
    bridge = Bridge()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = [(name.lower(), value) for name, value in self.headers.items()]
            url, now = f"{bridge.url}{self.path}", datetime.now(UTC)
            answer = bridge.answer(WebhookRequest(self.command, url, headers, body, now))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body.encode())))
            self.end_headers()
            self.wfile.write(answer.body.encode())

        do_GET = do_POST = handle_one  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    with serve_websockets(bridge.meet, "127.0.0.1", 0, compression=None) as sockets:
        bridge.url = f"http://127.0.0.1:{http.server_address[1]}"
        bridge.media_url = f"ws://127.0.0.1:{sockets.socket.getsockname()[1]}/media/x/token"
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        threading.Thread(target=sockets.serve_forever, daemon=True).start()
        yield bridge
        http.shutdown()
        http.server_close()
