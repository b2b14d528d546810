"""``python -m bench.fuzz_callbacks``: signed webhooks with changed fields, at every route.

Each is signed as its carrier signs, so the bridge has to read it. None may be answered with 5xx.
The changes are those of ``tests/fakes/carriers/mutations.py``; ``--seed`` repeats a run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from random import Random
from typing import Any

import urllib3

from bench.database import database
from bench.machine import machine
from bench.reliability import conclude
from bench.serving import JSON, KEY, Process, bridge
from providers.simulation.timeline import Request
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.mutations import Target, mutated, new_target

CALLS_EACH = 40
"""Requests about one call; then the next call is made."""
AT_ONCE = 4
KEPT = 5
"""Failed requests that are printed."""
BEHIND_A_PROXY = {"TRUSTED_PROXIES": "1"}
"""Each request then names an address of its own: none is refused only for those before it."""

Sent = tuple[str, Request, int]
"""Carrier, request, status of the answer."""


def from_address(number: int) -> dict[str, str]:
    """The header by which a proxy names its client's address."""
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


class Api:
    """A client of the bridge."""

    def __init__(self, base: str) -> None:
        self.base, self.http = base, urllib3.PoolManager(maxsize=AT_ONCE)
        self._numbers = itertools.count(1)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {**JSON, "Authorization": f"Bearer {KEY}"}
        data = None if body is None else json.dumps(body)
        answer = self.http.request(method, self.base + path, body=data, headers=headers)
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.data!r}")
        return json.loads(answer.data)

    def send(self, carrier: str, request: Request) -> Sent:
        answer = self.http.request(
            request.method,
            request.url,
            body=request.body or None,
            headers={**request.headers, **from_address(next(self._numbers))},
            retries=False,
            redirect=False,
        )
        return carrier, request, answer.status


def started(url: str | None) -> AbstractContextManager[Process]:
    return bridge(database=url, more=BEHIND_A_PROXY)


def requests(api: Api, random: Random, count: int) -> Iterator[tuple[str, Request]]:
    carriers = itertools.cycle(FAKES)
    targets = dict[str, Target]()
    for number in range(count):
        carrier = next(carriers)
        if carrier not in targets or number % (CALLS_EACH * len(FAKES)) < len(FAKES):
            targets[carrier] = new_target(api.base, carrier, api.ask)
        yield carrier, mutated(random, carrier, targets[carrier])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--postgresql", action="store_true", help="a new one, durable")
    options.add_argument("--record", action="store_true", help="keep the figure")
    chosen = options.parse_args()
    print(machine())
    with database(postgresql=chosen.postgresql) as stored, started(stored.url) as process:
        api = Api(f"http://localhost:{process.port}")
        made = requests(api, Random(chosen.seed), chosen.requests)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sent = list(pool.map(lambda each: api.send(*each), made))
    failed = [each for each in sent if each[2] >= 500]
    for carrier, request, status in failed[:KEPT]:
        print(carrier, status, request.method, request.url, request.body.decode("latin-1"))
    counts = Counter((carrier, status) for carrier, _, status in sent)
    for (carrier, status), count in sorted(counts.items()):
        print(f"{carrier:<8} {status} {count:>7,}")
    seen = f"{len(sent):,} webhooks, {stored.name}, seed {chosen.seed}: {len(failed)} × 5xx"
    sys.exit(conclude("fuzz-callbacks", seen, reached=not failed, keep=chosen.record))


if __name__ == "__main__":
    main()
