"""``python -m bench.control_plane``: requests a second of the control plane, against a floor.

The floor is a Flask route that answers constant TwiML, on the same server, in the same run.
Every other row does its full work: authentication or signature, validation, one durable
transaction (SQLite with ``synchronous=FULL``), and the queued server messages. Rounds are
interleaved; a row's ratio is the median of its ratios to the floor of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.load import Figures, request, run
from bench.serving import ACCOUNT, API_KEY, JSON, KEY, NUMBERS, SIGNATURE, TOKEN, bridge
from providers.twilio import signature as twilio
from providers.vonage import signature as vonage

CUSTOMER = "+14155550123"


class Requests:
    """Prepared requests of each kind, all different, all signed."""

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
        target = f"/twilio/inbound_call?assistantId={self.assistant_id}"
        return [
            self.twilio(
                target,
                {
                    "CallStatus": "ringing",
                    "Direction": "inbound",
                    "From": CUSTOMER,
                    "To": NUMBERS["twilio"],
                },
            )
            for _ in range(count)
        ]

    def status_callback(self, count: int) -> list[bytes]:
        """The first ``ringing`` of as many calls: each moves its call and queues a message."""
        made = [self.call("POST", "/call", self.body("twilio")) for _ in range(count)]
        targets = [
            urlsplit(call["phoneCallProviderDetails"]["statusCallback"]).path for call in made
        ]
        return [
            self.twilio(
                target,
                {
                    "CallStatus": "ringing",
                    "Direction": "outbound-api",
                    "From": NUMBERS["twilio"],
                    "To": CUSTOMER,
                    "CallbackSource": "call-progress-events",
                    "SequenceNumber": "1",
                    "Timestamp": "Mon, 23 Nov 2026 12:00:00 +0000",
                },
            )
            for target in targets
        ]

    def vonage_event(self, count: int) -> list[bytes]:
        made = [self.call("POST", "/call", self.body("vonage")) for _ in range(count)]
        targets = [urlsplit(call["phoneCallProviderDetails"]["eventUrl"][0]).path for call in made]
        return [self.vonage(target) for target in targets]

    def twilio(self, target: str, fields: dict[str, str]) -> bytes:
        fields = {
            "CallSid": "CA" + secrets.token_hex(16),
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            **fields,
        }
        signed = twilio.compute(TOKEN, self.base + target, fields.items())
        return request(
            target,
            urlencode(fields).encode(),
            {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signed},
        )

    def vonage(self, target: str) -> bytes:
        now = datetime.now(UTC)
        event = {
            "uuid": secrets.token_hex(16),
            "conversation_uuid": "CON-" + secrets.token_hex(8),
            "status": "ringing",
            "direction": "outbound",
            "from": NUMBERS["vonage"][1:],
            "to": CUSTOMER[1:],
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        token = vonage.sign(SIGNATURE, api_key=API_KEY, payload=body, now=now)
        return request(target, body, {**JSON, "Authorization": f"Bearer {token}"})


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
