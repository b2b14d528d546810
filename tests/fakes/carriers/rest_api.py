"""A carrier's REST API that answers as a test says, on the server of the shipped simulators."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from providers.simulation.api_server import ApiReply, ApiRequest, serve

BUSY = ApiReply(429, {"code": 20429, "message": "wait", "title": "wait", "status": 429})
DOWN = ApiReply(500, {"code": 20500, "message": "broken", "title": "broken", "status": 500})
UNKNOWN = ApiReply(404, {"code": 20404, "message": "unknown", "title": "unknown", "status": 404})


class Asked(NamedTuple):
    """One request. ``headers``: lower-case names."""

    method: str
    path: str
    """As on the wire, with its query."""
    body: Any
    """A form's fields, or JSON; None for no body."""
    headers: Mapping[str, str]
    raw: bytes


@dataclass
class RestApi:
    """``replies``: method -> answers in turn, the last of which stays."""

    url: str = ""
    replies: dict[str, list[ApiReply]] = field(default_factory=lambda: defaultdict(list))
    headers: dict[str, str] = field(default_factory=dict)
    """Of every answer."""
    asked: list[Asked] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    """Happens while the carrier works on a request."""

    over: threading.Event = field(default_factory=threading.Event)
    """It listens no more."""

    def reply(self, method: str, *answers: tuple[int, Any]) -> None:
        """(status, body) of the answers to this method, in turn; status 0 breaks the connection."""
        self.replies[method] = [ApiReply(status, body) for status, body in answers]

    def hang(self) -> None:
        """Answer nothing, until it listens no more."""
        self.meanwhile = self.over.wait

    def says(self, status: int, body: Any) -> None:
        """The same to every request."""
        self.replies = defaultdict(lambda: [ApiReply(status, body)])

    def answer(self, request: ApiRequest) -> ApiReply:
        asked = Asked(request.method, request.target, _body(request), request.headers, request.body)
        self.asked.append(asked)
        self.meanwhile()
        replies = self.replies[request.method]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return ApiReply(reply.status, reply.body, self.headers)


def _body(request: ApiRequest) -> Any:
    if not request.body:
        return None
    is_json = request.content_type == "application/json"
    return json.loads(request.body) if is_json else parse_qs(request.body.decode())


@contextmanager
def serving() -> Iterator[RestApi]:
    """It listens on the loopback address until the end of the block."""
    api = RestApi()
    with serve(api.answer) as api.url:
        yield api
        api.over.set()
