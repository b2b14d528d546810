"""``/metrics`` of a real gunicorn with several workers: each shows what all have measured."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.bridge import Bridge
from tests.fakes.carriers.inbound_call import InboundCall, closed
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver

pytestmark = pytest.mark.any_store  # the subject: files that workers share

CALLBACKS, JOINS = "patchbay_callback_seconds_count", "patchbay_join_seconds_count"
ALONE = {"Connection": "close"}
"""On a connection of its own: one that is kept leads to the worker that had it before."""


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    return made


@pytest.fixture
def bridge(database_url: str, tmp_path: Path, temporary: Path) -> Iterator[Bridge]:
    more = {"WEB_CONCURRENCY": "2", "TMPDIR": str(temporary)}
    with Bridge(database_url, tmp_path, **more) as running:
        running._until(lambda: len(workers(running)), lambda count: count == 2, 90)
        yield running


def workers(bridge: Bridge) -> list[int]:
    """The process ids."""
    assert bridge.process is not None
    master = bridge.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return [int(pid) for pid in children.split()]


def scrape(bridge: Bridge) -> dict[str, float]:
    """What one worker shows: the lines without labels."""
    text = bridge.http.request("GET", bridge.url + "/metrics", headers=ALONE).data.decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {each.name: each.value for each in samples if not each.labels}


def count(directory: Path) -> int:
    """The workers that have measured something."""
    return len(list(directory.glob("patchbay-metrics-*/histogram_*.db")))


def test_each_worker_shows_the_sum_and_a_dead_one_still_counts(
    bridge: Bridge, receiver: Receiver, temporary: Path
) -> None:
    caller = InboundCall(bridge, receiver)
    with caller.join() as socket:
        bridge.api("POST", f"/call/{caller.call_id}/control", {"type": "end-call"}, expect=200)
        assert closed(socket) == 1000
    for _ in range(20):
        TWILIO.send(bridge, "/twilio/inbound_call", TWILIO.arrival(TWILIO.new_ref()), headers=ALONE)
    bridge._until(lambda: count(temporary), lambda found: found == 2, 90)
    [directory] = temporary.glob("patchbay-metrics-*")
    (directory / "counter_1.db").touch()  # a worker makes its file and gives it a size afterwards
    for _ in range(10):
        shown = scrape(bridge)
        assert (shown[CALLBACKS], shown[JOINS]) == (21, 1)
    killed = workers(bridge)[0]
    os.kill(killed, signal.SIGKILL)
    bridge._until(lambda: workers(bridge), lambda now: killed not in now and len(now) == 2, 90)
    for _ in range(10):
        assert scrape(bridge)[CALLBACKS] == 21
    bridge.stop()
    assert not list(temporary.glob("patchbay-metrics-*"))


def test_a_new_start_counts_anew(bridge: Bridge, temporary: Path) -> None:
    TWILIO.send(bridge, "/twilio/inbound_call", TWILIO.arrival(TWILIO.new_ref()))
    assert scrape(bridge)[CALLBACKS] == 1
    bridge.kill()
    left = set(temporary.glob("patchbay-*"))  # nothing was there to remove them
    assert {path.name.split("-")[1] for path in left} == {"metrics", "listen"}
    bridge.start()
    assert scrape(bridge)[CALLBACKS] == 0
    assert not left & set(temporary.glob("patchbay-*"))
