"""The client's server, simulated: its reply to ``assistant-request``.

It is at a loopback address, and the carrier's phone number has it for the length of a block. The
bridge must allow private server URLs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from providers.common.json_types import JsonObject
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from providers.simulation.stage import Stage

QUESTION = "assistant-request"


@contextmanager
def client_server(stage: Stage, reply: JsonObject | None) -> Iterator[None]:
    """Give the number this server and no assistant until the end of the block.

    None: no reply comes.
    """
    left = threading.Event()

    def answer(request: ApiRequest) -> ApiReply:
        message = json.loads(request.body)["message"]
        if message["type"] != QUESTION:
            return ApiReply(200, {})
        stage.call_id = message["call"]["id"]
        stage.timeline.add("bridge -> owner", f"{QUESTION}: {json.dumps(reply)}")
        if reply is None:
            left.wait(stage.config.timeout)
        return ApiReply(200, reply)

    with serve(answer) as url, stage.bridge.number_with(stage.carrier, url):
        try:
            yield
        finally:
            left.set()


def hears(stage: Stage, text: str) -> None:
    """Check that a document of the run says this text."""
    if not any(text in document for document in stage.documents):
        stage.problem(f"the caller was not told: {text}")
