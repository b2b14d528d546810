"""``python -m bench.control_plane``: requests a second of the control plane, against a floor.

The floor is a Flask route that answers constant TwiML, on the same server, in the same run.
Every other row does its full work: authentication or signature, validation, one durable
transaction, server messages. SQLite runs with ``synchronous=FULL``. Rounds are interleaved; a
row's ratio is the median of its ratios to the floor of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import urllib.request
from collections.abc import Callable
from typing import Any

from bench.load import Figures, request, run
from bench.serving import JSON, KEY, bridge
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE


class Requests:
    """Prepared requests of each kind: all different, all signed."""

    def __init__(self, port: int) -> None:
        self.base = f"http://localhost:{port}"
        self.port = port
        self.number_ids = {row["provider"]: row["id"] for row in self.call("GET", "/phone-number")}
        self.assistant_id = self.call("POST", "/assistant", {"name": "bench"})["id"]

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {**JSON, "Authorization": f"Bearer {KEY}"}
        asked = urllib.request.Request(self.base + path, data, headers, method=method)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def floor(self, count: int) -> list[bytes]:
        return [
            request(
                "/bench/constant", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}
            )
        ] * count

    def create(self, count: int) -> list[bytes]:
        body = json.dumps(self.body("twilio")).encode()
        return [request("/call", body, {**JSON, "Authorization": f"Bearer {KEY}"})] * count

    def body(self, provider: str) -> dict[str, object]:
        return {
            "phoneNumberId": self.number_ids[provider],
            "assistantId": self.assistant_id,
            "customer": {"number": CUSTOMER},
            "phoneCallProviderBypassEnabled": True,
        }

    def inbound_call(self, count: int) -> list[bytes]:
        path = f"/twilio/inbound_call?assistantId={self.assistant_id}"
        return [self.signed(TWILIO, path, TWILIO.arrival(TWILIO.new_ref())) for _ in range(count)]

    def status_callback(self, count: int) -> list[bytes]:
        return self.ringing(TWILIO, count)

    def vonage_event(self, count: int) -> list[bytes]:
        return self.ringing(VONAGE, count)

    def ringing(self, fake: CarrierFake, count: int) -> list[bytes]:
        """The first ``ringing`` of many calls: each changes its call and queues a message."""
        made = [self.call("POST", "/call", self.body(fake.name)) for _ in range(count)]
        urls = [fake.status_url(call["phoneCallProviderDetails"]) for call in made]
        return [
            self.signed(fake, target(url), fake.status(fake.new_ref(), "ringing", 1))
            for url in urls
        ]

    def signed(self, fake: CarrierFake, path: str, fields: dict[str, str]) -> bytes:
        """One webhook of the carrier."""
        whole = fake.signer.request("POST", self.base + path, fields)
        return request(path, whole.body, whole.headers)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=600, help="of each kind and round")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--database-url", help="a PostgreSQL; SQLite by default")
    chosen = options.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{chosen.workers} worker(s), {chosen.connections} connections, {chosen.requests} requests x {chosen.rounds} rounds, {'PostgreSQL' if chosen.database_url else 'SQLite, synchronous=FULL'}"
    )
    with bridge(chosen.workers, chosen.database_url) as process:
        report(rounds(Requests(process.port), chosen))


def rounds(requests: Requests, chosen: argparse.Namespace) -> dict[str, list[Figures]]:
    kinds: dict[str, Callable[[int], list[bytes]]] = {
        "floor": requests.floor,
        "create": requests.create,
        "inbound_call": requests.inbound_call,
        "status callback": requests.status_callback,
        "vonage event": requests.vonage_event,
    }
    results: dict[str, list[Figures]] = {name: [] for name in kinds}
    run(requests.port, requests.floor(200), chosen.connections)  # warm
    for _ in range(chosen.rounds):
        for name, make in kinds.items():
            prepared = make(chosen.requests)
            results[name].append(run(requests.port, prepared, chosen.connections))
    return results


def report(results: dict[str, list[Figures]]) -> None:
    print(
        f"{'':<16} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'of floor':>9} {'errors':>7}   (medians of the rounds)"
    )
    floors = [figures.rate for figures in results["floor"]]
    for name, runs in results.items():
        ratio = statistics.median(f.rate / floor for f, floor in zip(runs, floors, strict=True))
        rate, p50, p99 = (
            statistics.median(getattr(f, n) for f in runs) for n in ("rate", "p50", "p99")
        )
        print(
            f"{name:<16} {rate:>8,.0f} {p50:>8.2f} {p99:>8.2f} {ratio:>9.2f} {sum(f.errors for f in runs):>7}"
        )


if __name__ == "__main__":
    main()
