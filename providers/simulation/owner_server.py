"""The owner's own callback URL, simulated: what the bridge passes on to it.

It is at a loopback address, and the carrier's phone number has it for the length of a block. The
bridge must allow private server URLs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from providers.simulation.api_server import ApiReply, ApiRequest, serve
from providers.simulation.bridge import POLL_SECONDS
from providers.simulation.stage import Stage
from providers.simulation.timeline import Request

FIELD = "ownerCallbackUrl"
PATH = "/callbacks"
NOT_PASSED_ON = {"user-agent", "cache-control"}
"""Headers of the carrier that say nothing of its request."""


@contextmanager
def owner_server(stage: Stage) -> Iterator[list[ApiRequest]]:
    """Give the number this URL until the end of the block. Yields what has come, in order."""
    came: list[ApiRequest] = []

    def answer(request: ApiRequest) -> ApiReply:
        came.append(request)
        stage.timeline.add("bridge -> owner", f"{request.method} {PATH} ({len(came)})")
        return ApiReply(204)

    with serve(answer) as url, stage.bridge.number_as(stage.carrier, {FIELD: url + PATH}):
        yield came


def await_all(stage: Stage, came: Sequence[ApiRequest], path: str) -> None:
    """Wait until what the carrier sent to ``path`` has come, and compare."""
    sent = [each for each in stage.wire.sent if urlsplit(each.url).path == path]
    deadline = time.monotonic() + stage.config.timeout
    while len(came) < len(sent) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if len(came) != len(sent) or not sent:
        stage.problem(f"{len(sent)} callbacks were sent, {len(came)} passed on")
    for ours, theirs in zip(sent, came, strict=False):
        if problem := _difference(ours, theirs):
            stage.problem(f"a callback was passed on {problem}")


def _difference(sent: Request, came: ApiRequest) -> str:
    """What of the request is not as it was sent; empty where nothing is."""
    if (came.method, came.body) != (sent.method, sent.body):
        return "in another order, or changed"
    if came.headers.get("x-forwarded-url") != sent.url:
        return "without the URL that the carrier has signed"
    named = {name.lower(): value for name, value in sent.headers.items()}
    wrong = [n for n, value in named.items() if came.headers.get(n) != value]
    lost = sorted(set(wrong) - NOT_PASSED_ON)
    return f"without its {', '.join(lost)}" if lost else ""
