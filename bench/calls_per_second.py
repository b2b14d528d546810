"""``python -m bench.calls_per_second``: calls at a steady rate, on one worker of the bridge.

Each call is created over the API, Twilio fetches its document, and three signed callbacks follow.
Its server messages go to a receiver that answers at once. Requests are sent when they are due,
even if answers are slow, so queues show. ``--talking`` adds calls with sound, and measures holes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from app.cli.processes import free_port
from bench.calls import BRIDGE_CORE, Seen, warmed
from bench.client import Client
from bench.database import database
from bench.left_over import left_over
from bench.load_verdict import Verdict, lines
from bench.machine import machine
from bench.one_call import Calls
from bench.prepared import Requests
from bench.receiver import listen
from bench.record import HEALTH, Record
from bench.reliability import record
from bench.serving import Process, bridge
from bench.talkers import Talkers, talking

PROBE_SECONDS = 0.1
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Load:
    """One run. ``now`` counts from its begin."""

    def __init__(self, server: Process, rate: float, seconds: float, width: float) -> None:
        self.server, self.rate, self.seconds = server, rate, seconds
        self.requests = Requests(server.port)
        self.record = Record(self.now, width)
        self._client = Client(server.port)
        self._calls = Calls(self._client, self.requests, self.record, self.now)
        self._tasks = set[asyncio.Task[None]]()
        self._began = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self._began

    async def run(self, port: int, patience: float) -> None:
        """Begin calls for so many seconds; then wait for what is on its way."""
        async with await listen(port, self.record.delivered):
            await asyncio.to_thread(self.server.wait_until_idle)
            self._began = time.monotonic()
            beside = [asyncio.create_task(each) for each in (self._probe(), self._watch())]
            for number in range(int(self.rate * self.seconds)):
                await asyncio.sleep(max(0.0, number / self.rate - self.now()))
                self._begin_call()
            await self._end(patience)
            for task in (*beside, *self._tasks):
                task.cancel()

    async def _end(self, patience: float) -> None:
        """Wait until all calls are over and all messages are there, or patience is."""
        for _ in range(int(patience / PROBE_SECONDS)):
            if not (self._tasks or self.record.waiting):
                return
            await asyncio.sleep(PROBE_SECONDS)

    def _begin_call(self) -> None:
        task = asyncio.create_task(self._calls.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _probe(self) -> None:
        """Ask ``/healthz`` on schedule, even if the last answer has not come."""
        async with asyncio.TaskGroup() as tasks:
            for number in itertools.count():
                await asyncio.sleep(number * PROBE_SECONDS - self.now())
                tasks.create_task(self._ask_health(self.now()))

    async def _ask_health(self, due: float) -> None:
        self.record.answered(HEALTH, due, await self._client.ask(HEALTHZ))

    async def _watch(self) -> None:
        used, width = self.server.cpu, self.record.width
        for number in itertools.count():
            await asyncio.sleep((number + 1) * width - self.now())
            before, used = used, self.server.cpu
            self.record.end_bucket(number, used - before)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=float, default=50.0, help="calls a second")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--minutes", type=float, help="the same in minutes: 10 is the whole load")
    options.add_argument("--bucket", type=float, default=5.0, help="seconds of a row")
    options.add_argument("--patience", type=float, default=20.0, help="seconds for the last ones")
    options.add_argument("--talking", type=int, default=0, help="calls with sound beside it")
    options.add_argument("--postgresql", action="store_true", help="a new one, durable")
    options.add_argument("--record", action="store_true", help="keep the figures")
    chosen = options.parse_args()
    if chosen.minutes:
        chosen.seconds = chosen.minutes * 60
    print(machine())
    port = free_port()
    with served(chosen, port) as (server, talkers):
        load = Load(server, chosen.rate, chosen.seconds, chosen.bucket)
        if talkers is not None:
            talkers.watch(chosen.seconds)
        uvloop.run(load.run(port, chosen.patience))
        report(load, talkers.seen() if talkers is not None else None)
        verdict = Verdict(load.record.whole(), load.record.waiting, left_over(server.port))
    print(*lines(verdict), f"load {os.getloadavg()[0]:.1f} after", sep="\n")
    if chosen.record:
        database_name = "postgresql" if chosen.postgresql else "sqlite"
        served_all = not (verdict.problems or verdict.shed)
        record(f"load-{database_name}", verdict.load(), reached=served_all)
        record("delivery", verdict.delivery(), reached=not verdict.delivery_problems)
    sys.exit(1 if verdict.problems else 0)


@contextmanager
def served(chosen: argparse.Namespace, port: int) -> Iterator[tuple[Process, Talkers | None]]:
    more = {"RUN_JOBS": "1", "SERVER_URL": f"http://127.0.0.1:{port}/server"}
    with database(postgresql=chosen.postgresql) as stored:
        if not chosen.talking:
            with bridge(1, stored.url, more) as process:
                yield process, None
            return
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {BRIDGE_CORE})
        if stored.url:
            more["DATABASE_URL"] = stored.url
        with warmed(more) as api, talking(api, chosen.talking) as talkers:
            yield api.bridge, talkers


def report(load: Load, seen: Seen | None) -> None:
    record = load.record
    print(
        f"{load.rate:g} calls a second for {load.seconds:g} s; times in ms, by when they were due"
    )
    print("await: messages on their way; core: the bridge's share; ref.: refused with 503")
    for row in record.rows():
        print(row)
    whole = record.whole()
    print(f"{'all':>7} {whole.cpu / load.seconds:>5.0%} {whole.row()}")
    calls = load.rate * load.seconds - whole.refused["create"] - whole.failed["create"]
    print(f"{whole.cpu * 1e3 / max(1.0, calls):.1f} ms of processor time a call, all in")
    if seen is not None:
        print(
            f"{seen.calls} talking calls: {len(seen.record.holes)} holes over 60 ms, "
            f"worst {seen.record.worst * 1e3:.0f} ms; {len(seen.record.turns)} turns, "
            f"{seen.record.unanswered} unanswered; of the bridge's core others took {seen.others:.0%}"
        )


if __name__ == "__main__":
    main()
