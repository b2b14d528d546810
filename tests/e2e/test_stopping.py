"""A bridge that is told to stop while calls are up: real signals to a real gunicorn."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from app.store import calls
from app.store.engine import Store
from tests.bridge import Bridge
from tests.fakes.carriers.inbound_call import InboundCall, closed
from tests.fakes.client_server import Receiver

pytestmark = pytest.mark.any_store  # the subject: signals and sockets

LONG = "600"
"""Seconds nobody waits for in a test."""


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Bridges on one database."""
    with ExitStack() as stack:

        def start(**environ: str) -> Bridge:
            return stack.enter_context(Bridge(database_url, tmp_path, **environ))

        yield start


def told(bridge: Bridge, number: signal.Signals) -> None:
    assert bridge.process is not None
    bridge.process.send_signal(number)


def worker(bridge: Bridge) -> int:
    """The process id of the only one."""
    assert bridge.process is not None
    master = bridge.process.pid
    return int(Path(f"/proc/{master}/task/{master}/children").read_text())


def stopping(bridge: Bridge) -> None:
    """Wait until it knows."""
    bridge._until(lambda: ready(bridge), lambda is_ready: not is_ready, 60)


def ready(bridge: Bridge) -> bool:
    """On a connection of its own: one that is kept leads to the worker that had it before."""
    alone = {"Connection": "close"}
    answer = bridge.http.request("GET", bridge.url + "/readyz", headers=alone, retries=False)
    return answer.status == 200


def gone(bridge: Bridge) -> int:
    """The exit status."""
    assert bridge.process is not None
    status = bridge.process.wait(timeout=30)
    bridge.process = None
    return status


def stored_reason(bridge: Bridge, caller: InboundCall) -> str:
    """The call's ``endedReason``, when no process is there to ask."""
    store = Store(bridge.environ["DATABASE_URL"])
    with store.read() as conn:
        row = calls.get(conn, caller.call_id)
    store.close()
    assert row is not None
    return str(row["ended_reason"])


def gauge(bridge: Bridge, name: str) -> float:
    text = bridge.http.request("GET", bridge.url + "/metrics").data.decode()
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[1])


def reports(receiver: Receiver) -> list[Any]:
    messages = [json.loads(request.body)["message"] for request in receiver.requests]
    return [each for each in messages if each["type"] == "end-of-call-report"]


def test_a_call_goes_on_until_it_ends_by_itself(
    start: Callable[..., Bridge], receiver: Receiver
) -> None:
    """Nobody else is there: the one that stops answers its carriers to the end."""
    bridge = start(DRAIN_SECONDS=LONG)
    caller = InboundCall(bridge, receiver)
    with caller.join() as socket:
        told(bridge, signal.SIGTERM)
        stopping(bridge)
        os.kill(worker(bridge), signal.SIGTERM)  # gunicorn repeats it, and some hosts signal all
        assert caller.is_up(socket)
        assert gauge(bridge, "patchbay_draining") == 1
        assert gauge(bridge, "patchbay_media_sockets") == 1
        with pytest.raises(InvalidStatus) as refusal:
            InboundCall(bridge, receiver).join()
        assert refusal.value.response.status_code == 503
        end = {"type": "end-call"}
        bridge.api("POST", f"/call/{caller.call_id}/control", end, expect=200)
        assert closed(socket) == 1000
    assert [verb.tag for verb in caller.after()] == ["Hangup"]
    assert gone(bridge) == 0
    assert stored_reason(bridge, caller) == "manually-canceled"


def test_at_the_limit_a_call_ends_with_its_report(
    start: Callable[..., Bridge], receiver: Receiver
) -> None:
    bridge = start(DRAIN_SECONDS="0.3")
    caller = InboundCall(bridge, receiver)
    with caller.join() as socket:
        told(bridge, signal.SIGTERM)
        assert closed(socket) == 1001
    assert [verb.tag for verb in caller.after()] == ["Hangup"]  # it is answered still
    assert gone(bridge) == 0
    bridge.start()  # what could not be delivered before goes out now
    receiver.wait_for(lambda _: reports(receiver))
    [report] = reports(receiver)
    assert report["endedReason"] == "server-shutdown"
    assert "no other was there" in bridge.call(caller.call_id)["endedMessage"]


def test_quit_waits_for_nobody(start: Callable[..., Bridge], receiver: Receiver) -> None:
    """What gunicorn's master makes of a second TERM."""
    bridge = start(DRAIN_SECONDS=LONG)
    caller = InboundCall(bridge, receiver)
    with caller.join() as socket:
        told(bridge, signal.SIGTERM)
        stopping(bridge)
        assert caller.is_up(socket)
        told(bridge, signal.SIGQUIT)
        assert closed(socket) == 1001
    gone(bridge)
    assert stored_reason(bridge, caller) == "server-shutdown"


def test_a_reload_leaves_its_calls_to_the_old_worker(
    start: Callable[..., Bridge], receiver: Receiver
) -> None:
    """HUP: gunicorn starts new workers on the same port, and stops the old ones."""
    bridge = start(DRAIN_SECONDS=LONG)
    caller = InboundCall(bridge, receiver)
    with caller.join() as socket:
        told(bridge, signal.SIGHUP)
        stopping(bridge)
        bridge._until(lambda: ready(bridge), lambda is_ready: is_ready, 30)  # the new one is up
        second = InboundCall(bridge, receiver)
        with second.join() as other:  # by whichever still listens
            assert second.is_up(other)
            assert caller.is_up(socket)


# ------------------------------------------------------------------ sound apart from the API


@contextmanager
def media_host(web: Bridge, directory: Path, **environ: str) -> Iterator[Bridge]:
    own = {"PUBLIC_URL": web.url, "RUN_JOBS": "0", "DRAIN_SECONDS": "0", **environ}
    host = Bridge(web.environ["DATABASE_URL"], directory, **own)
    host.environ["MEDIA_URL"] = host.url
    with host:
        yield host


def test_sound_apart_from_the_api(database_url: str, tmp_path: Path, receiver: Receiver) -> None:
    """One process for the API, and two for sound, which stop one after the other."""
    web = Bridge(database_url, tmp_path, SERVE_MEDIA="0")
    with (
        media_host(web, tmp_path) as one,
        media_host(web, tmp_path) as two,
    ):
        web.environ["MEDIA_URL"] = f"{one.url},{two.url}"
        with web:
            caller = InboundCall(web, receiver)
            with caller.join() as socket:
                first, other = (one, two) if str(one.port) in caller.media_url else (two, one)
                assert caller.is_up(socket)
                assert gauge(first, "patchbay_media_sockets") == 1
                assert gauge(other, "patchbay_media_sockets") == 0
                assert gauge(web, "patchbay_media_sockets") == 0
                told(first, signal.SIGTERM)
                assert closed(socket) == 1001
            caller.document = caller.after()
            assert str(other.port) in caller.media_url
            with caller.join() as socket:
                assert caller.is_up(socket)
                assert web.call(caller.call_id)["status"] == "in-progress"
                told(other, signal.SIGTERM)  # the last one: nobody takes it over
                assert closed(socket) == 1001
            receiver.wait_for(lambda _: reports(receiver))
            assert reports(receiver)[0]["endedReason"] == "server-shutdown"
