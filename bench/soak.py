"""``python -m bench.soak``: calls with sound for hours, and what the bridge's worker holds then.

Two calls a second begin, at both carriers in turn. They talk for ten seconds, so that twenty have
sound at a time. One in ten is answered by the voice agent (its vendors are stand-ins), the others
by the echo. Each has its three callbacks, and its messages go to a receiver that answers at once.
Memory is judged by a line through the samples after the warm-up, from an hour on.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter

import uvloop

from app.cli.processes import free_port
from bench.calls import assistant, warmed
from bench.database import database
from bench.figures import percentile
from bench.left_over import left_over
from bench.machine import machine
from bench.prepared import Requests
from bench.receiver import listen
from bench.reliability import conclude
from bench.serving import Process, bridge
from bench.soak_call import Answered, SoakCalls
from bench.usage import Sample, grows, growth, judged, sample, slope

SAMPLES = 480
"""Of a run, at most one a second."""
PATIENCE = 30
"""Seconds for the last reports."""
JUDGED_MINUTES, MOST_SLOPE = 60, 1.0
"""Megabytes an hour, of a run that is long enough for a slope."""
TAIL = 0.99


@dataclass(frozen=True)
class Size:
    """What is asked for."""

    minutes: float = 5.0
    calls: int = 20
    rate: float = 2.0
    agents: int = 10
    """One call in so many is the voice agent's; 0: none is."""
    postgresql: bool = False

    @property
    def talk(self) -> float:
        """Seconds of a call, so that ``calls`` are up at a time."""
        return self.calls / self.rate


@dataclass(frozen=True)
class Seen:
    """What a soak saw."""

    size: Size
    samples: Sequence[Sample]
    answers: Sequence[Answered]
    begun: int
    messages: int
    failures: Sequence[str]
    unreported: int
    stuck: int
    """Calls that are not over."""
    undelivered: int
    """Messages that are pending or have failed."""

    @property
    def problems(self) -> Sequence[str]:
        long = self.size.minutes >= JUDGED_MINUTES
        found = {
            "calls failed": bool(self.failures),
            "calls are stuck": bool(self.stuck),
            "messages are undelivered": bool(self.undelivered or self.unreported),
            "memory grows": long and slope(self.samples) >= MOST_SLOPE,
            "descriptors grow": grows(self.samples, attrgetter("descriptors")),
            "threads grow": grows(self.samples, attrgetter("threads")),
        }
        return [name for name, holds in found.items() if holds]

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.begun:,} calls in {self.size.minutes:g} minutes, {self.messages:,} messages; "
            f"{len(self.failures)} kinds of failures, {self.stuck} stuck, {self.undelivered} "
            f"undelivered, {self.unreported} without a report"
        )
        yield from self.failures
        last = judged(self.samples)
        yield (
            f"memory {last[0].memory:.0f} to {last[-1].memory:.0f} MB after the warm-up: "
            f"{slope(self.samples):+.2f} MB an hour"
        )
        for name in ("descriptors", "threads"):
            first, end = growth(self.samples, attrgetter(name))
            yield f"{name} {first:g} to {end:g}"
        for name, webhook in (("creates", False), ("callbacks", True)):
            first, end = self._tails(webhook=webhook)
            yield f"{name} p99 {first:.0f} to {end:.0f} ms"

    def _tails(self, *, webhook: bool) -> tuple[float, float]:
        """The p99 of the first and of the last third after the warm-up."""
        begin = judged(self.samples)[0].at
        times = [e for e in self.answers if e.webhook is webhook and e.due >= begin]
        third = max(1, len(times) // 3)
        first, last = times[:third], times[-third:]
        return (
            percentile([each.seconds for each in first], TAIL),
            percentile([each.seconds for each in last], TAIL),
        )


class Soak:
    """One run at a bridge whose messages go to ``port``."""

    def __init__(self, size: Size, server: Process, port: int) -> None:
        self._size, self._server, self._port = size, server, port
        self._began = time.monotonic()
        agent = {**assistant(smart=False), "name": "soak agent"} if size.agents else None
        self._calls = SoakCalls(Requests(server.port), self._now, agent)
        self._tasks = set[asyncio.Task[None]]()
        self._samples = list[Sample]()

    async def run(self) -> Seen:
        async with await listen(self._port, self._calls.delivered):
            await asyncio.to_thread(self._server.wait_until_idle)
            self._began = time.monotonic()
            watch = asyncio.create_task(self._watch())
            await self._begin_calls()
            watch.cancel()
            await asyncio.gather(*self._tasks)
            stuck, undelivered = await self._settle()
        calls = self._calls
        return Seen(
            self._size,
            self._samples,
            calls.answers,
            len(calls.begun),
            calls.messages.total(),
            [f"{count} x {what}" for what, count in calls.failures.most_common()],
            calls.unreported,
            stuck,
            undelivered,
        )

    def _now(self) -> float:
        return time.monotonic() - self._began

    async def _begin_calls(self) -> None:
        size = self._size
        for number in range(max(1, round(size.minutes * 60 * size.rate))):
            await asyncio.sleep(max(0.0, number / size.rate - self._now()))
            speaks = bool(size.agents) and number % size.agents == 0
            task = asyncio.create_task(self._calls.run(number, size.talk, speaks=speaks))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        every = max(1.0, self._size.minutes * 60 / SAMPLES)
        for number in itertools.count():
            await asyncio.sleep(max(0.0, number * every - self._now()))
            self._samples.append(sample(self._server, self._now()))

    async def _settle(self) -> tuple[int, int]:
        """Wait for the last reports. Returns the open calls and the undelivered messages."""
        for _ in range(PATIENCE):
            left = await asyncio.to_thread(left_over, self._server.port)
            if not (any(left) or self._calls.unreported):
                break
            await asyncio.sleep(1.0)
        return left


@contextmanager
def served(size: Size, port: int) -> Iterator[Process]:
    """The bridge; with the vendors' stand-ins, if the voice agent has calls."""
    more = {"RUN_JOBS": "1", "SERVER_URL": f"http://127.0.0.1:{port}/server"}
    more["MAX_CALLS_PER_PROCESS"] = "0"
    with database(postgresql=size.postgresql) as stored:
        if stored.url:
            more["DATABASE_URL"] = stored.url
        if size.agents:
            with warmed(more) as api:
                yield api.bridge
        else:
            with bridge(more={**more, "ASSISTANT_BACKEND": "echo"}) as process:
                yield process


def soak(size: Size) -> Seen:
    port = free_port()
    with served(size, port) as server:
        return uvloop.run(Soak(size, server, port).run())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=5.0, help="240 is the whole soak")
    options.add_argument("--calls", type=int, default=20, help="with sound at a time")
    options.add_argument("--rate", type=float, default=2.0, help="new calls a second")
    options.add_argument("--agents", type=int, default=10, help="one in so many; 0: none")
    options.add_argument("--postgresql", action="store_true", help="a new one, durable")
    options.add_argument("--record", action="store_true", help="keep the figure")
    chosen = options.parse_args()
    print(machine())
    size = Size(chosen.minutes, chosen.calls, chosen.rate, chosen.agents, chosen.postgresql)
    seen = soak(size)
    text, problems = "; ".join(seen.lines()), seen.problems
    sys.exit(conclude("soak", text, *problems, reached=not problems, keep=chosen.record))


if __name__ == "__main__":
    main()
