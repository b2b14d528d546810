"""``python -m bench.growth``: what requests cost with many stored calls.

It fills the database by SQL (``stored_calls.py``) with copies of one whole call, which the bridge
has served before. Then it measures the processor time of each request, per size. A filter that
matches nothing is the worst case of a list: it shows whether an index is missing. ``--sizes`` prints
what a call takes instead, before and after retention has cleared its parts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench import stored_bytes
from bench.database import Database, database
from bench.load import request, run
from bench.machine import machine
from bench.prepared import AUTHORIZED, Requests
from bench.serving import Process, bridge
from bench.stored_calls import fill
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver

NOBODY = "00000000-0000-4000-8000-00000000dead"
FUTURE, PAST = "2100-01-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z"
WARM, WRITES = 100, 200
"""Requests of each of the four kinds, before the measurement and in it."""
READS = 20
PATIENCE = 6.0
"""Seconds for one kind of read: of a slow one fewer are sent."""


class Cost(NamedTuple):
    """Of one request, in milliseconds. The processor's time is that of bridge and database."""

    cpu: float
    p50: float


@dataclass(frozen=True)
class Whole:
    """The call that is copied, and the ids in it."""

    id: str
    assistant_id: str
    number_id: str
    provider_call_id: str
    created_at: str
    updated_at: str


def reads(call: Whole) -> dict[str, str]:
    """Name -> path of each read."""
    lists: dict[str, dict[str, Any]] = {
        "": {},
        "assistantId": {"assistantId": call.assistant_id},
        "phoneNumberId": {"phoneNumberId": call.number_id},
        "endedReason": {"endedReason": "customer-ended-call"},
        "status=ended": {"status": "ended"},
        "updatedAtGe, all": {"updatedAtGe": PAST},
        "none: assistantId": {"assistantId": NOBODY},
        "none: phoneNumberId": {"phoneNumberId": NOBODY},
        "none: phoneCallProviderId": {"phoneCallProviderId": "CA00"},
        "none: endedReason": {"endedReason": "pipeline-no-available-llm-model"},
        "none: status": {"status": "forwarding"},
        "none: createdAtGe": {"createdAtGe": FUTURE},
        "none: updatedAtGe": {"updatedAtGe": FUTURE},
        "none: updatedAtLe": {"updatedAtLe": PAST},
        "none: endedReason, createdAtLe": {
            "endedReason": "pipeline-no-available-llm-model",
            "createdAtLe": call.created_at,
        },
        "one: phoneCallProviderId": {"phoneCallProviderId": call.provider_call_id},
        "few: updatedAtGe": {"updatedAtGe": call.updated_at},
    }
    found = {f"GET /call {name}": _path("/call", query) for name, query in lists.items()}
    pages: dict[str, dict[str, Any]] = {
        "": {},
        "page 50": {"page": 50},
        "ASC": {"sortOrder": "ASC"},
    }
    pages |= {"assistantId": {"assistantId": call.assistant_id}}
    pages |= {"none: endedReason": lists["none: endedReason"]}
    found |= {f"GET /v2/call {name}": _path("/v2/call", query) for name, query in pages.items()}
    return found | {
        "GET /call/{id}": f"/call/{call.id}",
        "GET /call/{id}/events": f"/call/{call.id}/events",
        "GET /call/{id}/messages": f"/call/{call.id}/messages",
        "GET /metrics": "/metrics",
    }


def _path(path: str, query: dict[str, Any]) -> str:
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


def whole_call(url: str) -> Whole:
    """One call to its end on this database, with its messages delivered."""
    with Receiver() as receiver:
        more = {"RUN_JOBS": "1", "SETTLE_SECONDS": "0", "SERVER_URL": receiver.url}
        with bridge(database=url, more=more) as process:
            return _ended(Requests(process.port), receiver)


def _ended(requests: Requests, receiver: Receiver) -> Whole:
    leg = TWILIO.new_ref()
    made = requests.call("POST", "/call", requests.body("twilio"))
    status = target(TWILIO.status_url(made["phoneCallProviderDetails"]))
    steps = [
        requests.signed(TWILIO, status, TWILIO.status(leg, word, second))
        for second, word in enumerate(("ringing", "in-progress", "completed"), 1)
    ]
    run(requests.port, steps, 1)
    receiver.wait_for(lambda came: any(b"end-of-call-report" in one.body for one in came))
    while any(
        row["state"] != "delivered" for row in requests.call("GET", f"/call/{made['id']}/messages")
    ):
        time.sleep(0.1)
    call = requests.call("GET", f"/call/{made['id']}")
    return Whole(
        call["id"],
        requests.assistant_id,
        call["phoneNumberId"],
        call["phoneCallProviderId"],
        call["createdAt"],
        call["updatedAt"],
    )


@dataclass(frozen=True)
class Bench:
    bridge: Process
    database: Database

    def measure(self, call: Whole) -> dict[str, Cost]:
        """The cost of each request, by name."""
        self.bridge.wait_until_idle()  # it loads pipecat in the background
        return {**self._writes(Requests(self.bridge.port)), **self._reads(call)}

    def _writes(self, requests: Requests) -> dict[str, Cost]:
        kinds = {
            "floor": requests.floor,
            "POST /call": requests.create,
            "inbound_call": requests.inbound_call,
            "status callback": requests.status_callback,
            "vonage event": requests.vonage_event,
        }
        for make in kinds.values():
            run(
                self.bridge.port, make(WARM), 8
            )  # what they read of a large database is in memory then
        return {name: self._cost(make(WRITES), 8) for name, make in kinds.items()}

    def _reads(self, call: Whole) -> dict[str, Cost]:
        found = {}
        for name, path in reads(call).items():
            one = request(path, b"", AUTHORIZED).replace(b"POST", b"GET", 1)
            first = run(self.bridge.port, [one], 1)  # warm, as a page is usually read again
            count = max(1, min(READS, int(PATIENCE / first.seconds)))
            found[name] = self._cost([one] * count, 1)
        return found

    def _cost(self, requests: list[bytes], connections: int) -> Cost:
        used = self.cpu
        figures = run(self.bridge.port, requests, connections)
        return Cost((self.cpu - used) / len(requests) * 1e3, figures.p50)

    @property
    def cpu(self) -> float:
        return self.bridge.cpu + self.database.cpu


def measure(stored: Database, call: Whole) -> dict[str, Cost]:
    with bridge(database=stored.url) as process:
        return Bench(process, stored).measure(call)


@contextmanager
def kept_database(*, postgresql: bool) -> Iterator[Database]:
    """A new one that several bridges use one after the other, gone afterwards."""
    with database(postgresql=postgresql) as found:
        if found.url:
            yield found
            return
        with tempfile.TemporaryDirectory(prefix="patchbay-growth-") as directory:
            yield Database(f"sqlite:///{directory}/growth.db")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=1_000_000)
    options.add_argument("--sizes", action="store_true", help="print what a call takes")
    options.add_argument("--postgresql", action="store_true", help="a new one, durable")
    chosen = options.parse_args()
    print(machine())
    with kept_database(postgresql=chosen.postgresql) as stored:
        url = stored.url or ""
        call = whole_call(url)
        if chosen.sizes:
            fill(url, call.id, chosen.calls)
            stored_bytes.report(url)
            return
        sizes = {"empty": measure(stored, call)}
        began = time.monotonic()
        fill(url, call.id, chosen.calls)
        print(f"{chosen.calls:,} calls stored in {time.monotonic() - began:.0f} s")
        sizes[f"{chosen.calls:,}"] = measure(stored, call)
    report(sizes)


def report(sizes: dict[str, dict[str, Cost]]) -> None:
    """Print the processor's time, and the median time in brackets."""
    print(f"{'ms of CPU (median of all)':<42}" + "".join(f"{size:>20}" for size in sizes))
    for name in next(iter(sizes.values())):
        costs = (found[name] for found in sizes.values())
        print(f"{name:<42}" + "".join(f"{c.cpu:>10.2f} ({c.p50:>7.2f})" for c in costs))


if __name__ == "__main__":
    main()
