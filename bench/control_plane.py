"""``python -m bench.control_plane``: requests a second and processor time, against a floor.

The floor is a Flask route that answers constant TwiML, on the same server, in the same run.
Every other row does its full work: authentication or signature, validation, one durable
transaction, server messages. With ``--jobs`` they are also delivered, to a receiver that answers
at once. Rounds are interleaved; a row's ratios are the medians of its ratios to the floor of the
same round.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from bench.database import Database, database
from bench.load import Figures, run
from bench.machine import machine
from bench.prepared import Requests
from bench.serving import Process, bridge, module

Kinds = dict[str, Callable[[int], list[bytes]]]


@dataclass(frozen=True)
class Round:
    """One kind of request in one round. Times are milliseconds of processor time a request."""

    figures: Figures
    cpu: float
    """Of the bridge's processes. With ``--jobs`` until all messages are delivered."""
    database: float
    """Of PostgreSQL's processes."""
    wal: float
    """Bytes of PostgreSQL's write-ahead log a request."""
    syncs: float


@dataclass(frozen=True)
class Bench:
    bridge: Process
    database: Database
    connections: int
    jobs: bool

    def measure(self, prepared: Sequence[bytes]) -> Round:
        count = len(prepared)
        cpu, theirs, (wal, syncs) = self.bridge.cpu, self.database.cpu, self.database.wal
        figures = run(self.bridge.port, prepared, self.connections)
        if self.jobs:
            self.bridge.wait_until_idle()
        used, used_there = self.bridge.cpu - cpu, self.database.cpu - theirs
        wal_now, syncs_now = self.database.wal
        each = 1e3 / count
        return Round(
            figures,
            used * each,
            used_there * each,
            (wal_now - wal) / count,
            (syncs_now - syncs) / count,
        )

    def rounds(self, kinds: Kinds, requests: int, rounds: int) -> dict[str, list[Round]]:
        results: dict[str, list[Round]] = {name: [] for name in kinds}
        self.bridge.wait_until_idle()  # it loads pipecat in the background
        for make in kinds.values():  # and fills its caches
            run(self.bridge.port, make(100), self.connections)
        for _ in range(rounds):
            for name, make in kinds.items():
                prepared = make(requests)
                self.bridge.wait_until_idle()
                results[name].append(self.measure(prepared))
        return results


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=600, help="of each kind and round")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--postgresql", action="store_true", help="a new one, durable")
    options.add_argument("--jobs", action="store_true", help="deliver the messages, too")
    chosen = options.parse_args()
    with started(chosen) as bench:
        print(machine())
        print(
            f"{bench.database.name}, {chosen.workers} worker(s), {chosen.connections} connections, "
            f"{chosen.requests} requests x {chosen.rounds} rounds, "
            f"messages {'delivered' if bench.jobs else 'queued'}"
        )
        requests = Requests(bench.bridge.port)
        kinds: Kinds = {
            "floor": requests.floor,
            "create": requests.create,
            "inbound_call": requests.inbound_call,
            "status callback": requests.status_callback,
            "vonage event": requests.vonage_event,
        }
        report(bench.rounds(kinds, chosen.requests, chosen.rounds))
        print(f"load {os.getloadavg()[0]:.1f} after")


@contextmanager
def started(chosen: argparse.Namespace) -> Iterator[Bench]:
    receiver = module("bench.receiver") if chosen.jobs else nullcontext()
    with database(postgresql=chosen.postgresql) as stored, receiver as client:
        more = {}
        if client is not None:
            more = {"RUN_JOBS": "1", "SERVER_URL": f"http://127.0.0.1:{client.port}/server"}
        with bridge(chosen.workers, stored.url, more) as process:
            yield Bench(process, stored, chosen.connections, chosen.jobs)


def report(results: dict[str, list[Round]]) -> None:
    print("medians of the rounds; CPU: processor time a request in ms, and PostgreSQL's own")
    print(
        f"{'':<16} {'CPU':>6} {'theirs':>6} {'req/s':>7} {'of floor':>8} {'p50 ms':>7} {'p99 ms':>7} "
        f"{'x floor':>7} {'WAL KB':>6} {'syncs':>5} {'errors':>6}"
    )
    floors = results["floor"]
    for name, rounds in results.items():
        pairs = list(zip(rounds, floors, strict=True))
        rate = median(each.figures.rate / floor.figures.rate for each, floor in pairs)
        p99 = median(each.figures.p99 / floor.figures.p99 for each, floor in pairs)
        print(
            f"{name:<16} {median(each.cpu for each in rounds):>6.2f} "
            f"{median(each.database for each in rounds):>6.2f} "
            f"{median(each.figures.rate for each in rounds):>7,.0f} {rate:>8.3f} "
            f"{median(each.figures.p50 for each in rounds):>7.2f} "
            f"{median(each.figures.p99 for each in rounds):>7.2f} {p99:>7.1f} "
            f"{median(each.wal for each in rounds) / 1024:>6.1f} "
            f"{median(each.syncs for each in rounds):>5.2f} "
            f"{sum(each.figures.errors for each in rounds):>6}"
        )


def median(values: Iterator[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()
