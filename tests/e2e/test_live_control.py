"""Control and listening where another process holds the call: two real ones on one database."""

from __future__ import annotations

import array
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.bridge import Bridge
from tests.fakes.carriers.inbound_call import InboundCall
from tests.fakes.client_server import Receiver
from tests.spawner import WarmBridge

SPEAKING = {
    "transport": {"provider": "local"},
    "voice": {"provider": "embedded"},
    "model": {"provider": "embedded", "menu": {"1": {"say": "One."}}},
    "transcriber": {"provider": "none"},
    "firstMessageMode": "assistant-waits-for-user",
}
SECONDS = 20.0


@pytest.fixture
def neighbour(bridge: Bridge, tmp_path: Path) -> Iterator[Bridge]:
    """Another process of the same deployment."""
    with WarmBridge(bridge.environ["DATABASE_URL"], tmp_path) as running:
        yield running


def words(call: Any) -> list[str]:
    return [each["message"] for each in call.get("messages", []) if each["role"] == "bot"]


def listen(call: Any, at: Bridge) -> ClientConnection:
    """The call's ``listenUrl``, taken by that process."""
    url = urlsplit(call["monitor"]["listenUrl"])
    return connect(url._replace(netloc=f"localhost:{at.port}").geturl(), proxy=None)


def supervise(call_id: str, at: Bridge) -> None:
    """Take the call over, and give it back, at that process."""
    made = at.api("POST", f"/call/{call_id}/supervisor", {}, expect=201)
    url = urlsplit(made["websocketUrl"])._replace(netloc=f"localhost:{at.port}").geturl()
    with connect(url, proxy=None) as supervisor:
        assert json.loads(supervisor.recv())["takenOver"] is False
        for asked, taken in (("take-over", True), ("give-back", False)):
            supervisor.send(json.dumps({"type": asked}))
            assert json.loads(supervisor.recv())["takenOver"] is taken


SUPERVISED = frozenset({"supervisor.took-over", "supervisor.gave-back"})


def events_of(call_id: str, at: Bridge) -> set[str]:
    """Of the call's events."""
    log = at.api("GET", f"/call/{call_id}/events", expect=200)
    return {each["kind"] for each in log}


def play(socket: ClientConnection) -> None:
    """As a phone does: what it is sent is played at once, and the marks in it are told."""
    for message in socket:
        if json.loads(message)["event"] == "mark":
            socket.send(message)


def heard(listener: ClientConnection) -> tuple[set[str], int, int]:
    """Types of the messages, and how loud caller and assistant were, until the call was over."""
    kinds, left, right = set[str](), 0, 0
    for message in listener:
        if isinstance(message, str):
            kinds.add(json.loads(message)["type"])
        else:
            samples = array.array("h", message)
            left, right = max(left, *samples[::2]), max(right, *samples[1::2])
    return kinds, left, right


def test_another_process_is_told_and_is_heard(
    bridge: Bridge, neighbour: Bridge, receiver: Receiver
) -> None:
    caller = InboundCall(bridge, receiver, SPEAKING)
    with ThreadPoolExecutor(1) as phone, caller.join() as socket:
        phone.submit(play, socket)
        control = f"/call/{caller.call_id}/control"
        neighbour.api("POST", control, {"type": "say", "content": "Hold on."}, expect=200)
        call = bridge._until(
            lambda: bridge.call(caller.call_id), lambda call: words(call) == ["Hold on."], SECONDS
        )
        with listen(call, neighbour) as listener:
            start = json.loads(listener.recv())
            assert (start["type"], start["sampleRate"], start["channels"]) == ("start", 8000, 2)
            supervise(caller.call_id, neighbour)
            bridge._until(
                lambda: events_of(caller.call_id, neighbour), SUPERVISED.issubset, SECONDS
            )
            last = {"type": "say", "content": "Goodbye then.", "endCallAfterSpoken": True}
            neighbour.api("POST", control, last, expect=200)
            kinds, left, right = heard(listener)
            assert {"transcript", "speech-update", "conversation-update"} <= kinds
            assert left == 0
            assert right > 1000
            assert (listener.close_code, listener.close_reason) == (1000, "the call is over")
        call = bridge.until(caller.call_id, "ended")
        assert call["endedReason"] == "assistant-ended-call"
        assert words(call) == ["Hold on.", "Goodbye then."]
        assert "listenUrl" not in call["monitor"]
