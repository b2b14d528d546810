"""``python -m bench.deploys``: deploys beneath live calls with sound, and 10 API requests a second.

Rolling: two instances on PostgreSQL behind a load balancer; the new one is ready before the old one
gets SIGTERM. Reload: one machine, ``gunicorn`` with HUP, on SQLite. Half of the calls are at each
carrier. ``--deploys 10 --calls 50`` is the full size; ``--record`` keeps the figures. ``--kind
kill`` kills instances beside a spare one instead, as often as a call's budget for faults allows.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from app.cli.processes import free_port
from app.domain.legs.reattach import BUDGETS, Cause
from bench.balancer import Balancer
from bench.client import Answer, Client
from bench.database import database
from bench.figures import median, percentile
from bench.instances import Exit, Instance
from bench.live_calls import NUMBERS, LiveCall
from bench.machine import machine
from bench.reliability import conclude
from bench.serving import JSON, KEY, environment, module
from tests.fakes.carriers import FAKES

RATE = 10
"""API requests a second."""
BETWEEN = 0.1
"""Seconds between the starts of two calls."""
PAUSE = 3.0
"""Seconds between two deploys, and after the last."""
HEARD = 4.0
"""Seconds since the last sound of a call that is alive."""
ALIVE, GAP_SECONDS, EXIT_SECONDS = 0.95, 1.5, 25.0
KILLED_GAP_SECONDS = 3.0
ECHO = {"name": "bench", "transport": {"provider": "echo"}, "maxDurationSeconds": 3600}
MENU = ECHO | {"transport": {"provider": "local"}, "silenceTimeoutSeconds": 3600}
"""The embedded keypad menu, in the pipeline of the voice agent. It speaks when a key is pressed."""
ASSISTANTS = {"echo": ECHO, "local": MENU}


@dataclass
class Outcome:
    """One kind of deploy."""

    name: str
    gap_seconds: float = GAP_SECONDS
    killed: bool = False
    """Requests on their way to a killed process fail."""
    calls: int = 0
    alive: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    exits: list[Exit] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)
    parts: list[tuple[float, float, float]] = field(default_factory=list)
    asked: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def slowest(self) -> float:
        return max((each.seconds for each in self.exits), default=0.0)

    @property
    def reached(self) -> bool:
        return (
            self.alive >= ALIVE * self.calls > 0
            and 0 < median(self.silences) <= self.gap_seconds * 1e3
            and (self.killed or not self.failed)
            and self.slowest <= EXIT_SECONDS
            and all(each.code == 0 for each in self.exits)
        )

    @property
    def seen(self) -> str:
        codes = sorted({each.code for each in self.exits})
        return (
            f"{self.name}: {self.alive} of {self.calls} calls alive after {len(self.exits)} deploys, "
            f"{len(self.silences)} gaps of median {median(self.silences):.0f} ms and "
            f"p95 {percentile(self.silences, 0.95):.0f} ms, {sum(self.failed.values())} of {self.asked} "
            f"API requests failed, exit after {self.slowest:.1f} s at most with {codes}"
        )

    def tell(self) -> None:
        print(self.seen)
        closing, asking, opening = zip(*self.parts, strict=True) if self.parts else ((), (), ())
        print(
            f"  median parts of a gap: last sound to close {median(closing):.0f} ms, "
            f"close to document {median(asking):.0f} ms, document to sound {median(opening):.0f} ms"
        )
        for name, counted in (
            ("ended", self.ended),
            ("calls said", self.problems),
            ("failed", self.failed),
        ):
            for what, count in counted.items():
                print(f"  {name}: {count} x {what}")


class Strict(Client):
    """A client that sends no request a second time: a connection closed under one is a failure."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.faults = Counter[str]()

    async def _ask(self, raw: bytes) -> tuple[int, bytes]:
        connection, used = await self._connection()
        try:
            answer = await connection.ask(raw)
        except (OSError, asyncio.CancelledError) as error:
            self.faults[f"{error!r} on {'an open' if used else 'a new'} connection"] += 1
            raise
        self._idle.append(connection)
        return answer


class Load:
    """API requests at a steady rate: calls are created, shown and listed."""

    def __init__(self, port: int, number: str) -> None:
        self.client, self._number = Strict(port), number
        self.answers = list[Answer]()
        self._tasks = set[asyncio.Task[None]]()

    async def run(self) -> None:
        began = time.monotonic()
        for count in itertools.count():
            await asyncio.sleep(max(0.0, began + count / RATE - time.monotonic()))
            task = asyncio.create_task(self._ask(count))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        await asyncio.gather(*self._tasks)

    async def _ask(self, count: int) -> None:
        self.answers.append(await self.client.ask(self._create() if count % 2 else GET))

    def _create(self) -> bytes:
        body = {
            "phoneNumberId": self._number,
            "assistant": ECHO,
            "customer": {"number": "+14155550199"},
            "phoneCallProviderBypassEnabled": True,
        }
        return raw("POST", "/call", json.dumps(body).encode())


def raw(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


GET = raw("GET", "/call?limit=5")


class Run:
    """Calls and load on one deployment."""

    def __init__(self, outcome: Outcome, base: str, chosen: argparse.Namespace) -> None:
        self.outcome, self.base, self.chosen = outcome, base, chosen
        self.calls = list[tuple[LiveCall, asyncio.Task[None]]]()

    async def through(self, deploy: Callable[[], Awaitable[Exit]]) -> None:
        port = int(self.base.rsplit(":", 1)[1])
        numbers = await asyncio.to_thread(api, self.base, "GET", "/phone-number")
        wanted = ASSISTANTS[self.chosen.assistant]
        assistant = await asyncio.to_thread(api, self.base, "POST", "/assistant", wanted)
        load = Load(port, numbers[0]["id"])
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as web:
            await self._grow(web, str(assistant["id"]))
            asking = asyncio.create_task(load.run())
            for number in range(self.chosen.deploys):
                await asyncio.sleep(PAUSE)
                self.outcome.exits.append(await deploy())
                if self.chosen.verbose:
                    print(f"  deploy {number + 1}: {self._alive()} alive", flush=True)
            await asyncio.sleep(PAUSE)
            asking.cancel()
            await load.finish()
            await self._judge(load)
            for _, task in self.calls:
                task.cancel()
            await asyncio.gather(*(task for _, task in self.calls), return_exceptions=True)

    async def _grow(self, web: aiohttp.ClientSession, assistant: str) -> None:
        carriers = itertools.cycle(FAKES)
        for _ in range(self.chosen.calls):
            keys = self.chosen.assistant == "local"
            call = LiveCall(next(carriers), self.base, web, keys=keys)
            self.calls.append((call, asyncio.create_task(call.live(assistant))))
            await asyncio.sleep(BETWEEN)
        async with asyncio.timeout(30):
            await asyncio.gather(*(call.heard.wait() for call, _ in self.calls))

    def _alive(self) -> int:
        now = time.monotonic()
        return sum(not task.done() and now - call.heard_at < HEARD for call, task in self.calls)

    async def _judge(self, load: Load) -> None:
        found = self.outcome
        found.calls, found.alive = len(self.calls), self._alive()
        found.asked = len(load.answers)
        found.failed.update(
            f"{each.status} {each.body[:120].decode(errors='replace')}"
            for each in load.answers
            if each.status >= 300
        )
        found.failed.update(load.client.faults)
        for call, _ in self.calls:
            found.silences += [gap.silence for gap in call.gaps]
            found.parts += [(gap.closing, gap.asking, gap.opening) for gap in call.gaps]
            if call.problem:
                found.problems[call.problem] += 1
        rows = await asyncio.to_thread(api, self.base, "GET", "/call?limit=1000")
        of_legs = [
            row for row in rows if row["type"] == "inboundPhoneCall" and row.get("startedAt")
        ]
        found.ended.update(
            str(row.get("endedReason")) for row in of_legs if row["status"] == "ended"
        )


def api(base: str, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {**JSON, "Authorization": f"Bearer {KEY}"}
    with urllib.request.urlopen(
        urllib.request.Request(base + path, data, headers, method=method)
    ) as answer:
        return json.load(answer)


@contextmanager
def prepared(base: str, url: str | None) -> Iterator[tuple[dict[str, str], Path]]:
    """The environment of an instance with its database, and a directory for its logs."""
    with tempfile.TemporaryDirectory() as directory, module("bench.receiver") as receiver:
        own = environment(free_port(), directory, url)
        server = f"http://127.0.0.1:{receiver.port}/"
        more = {"PUBLIC_URL": base, "SERVER_URL": server, "RUN_JOBS": "1", "LOG_LEVEL": "WARNING"}
        environ = {**own, **NUMBERS, **more}
        upgrade = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
        subprocess.run(upgrade, env=environ, check=True, stdout=subprocess.DEVNULL)
        yield environ, Path(directory)


async def rolling(chosen: argparse.Namespace) -> Outcome:
    outcome, port = Outcome("rolling deploy on PostgreSQL"), free_port()
    base = f"http://localhost:{port}"
    with database(postgresql=True) as store, prepared(base, store.url) as (environ, directory):
        async with started(environ, directory) as (current, start):
            balancer = Balancer(current.port)
            async with await balancer.listen(port):

                async def deploy() -> Exit:
                    nonlocal current
                    old, current = current, await start()
                    balancer.target = current.port
                    return await old.terminate()

                await Run(outcome, base, chosen).through(deploy)
        outcome.problems.update(
            {"unreachable": balancer.unreachable} if balancer.unreachable else {}
        )
        show_log(directory, chosen)
    return outcome


async def kill(chosen: argparse.Namespace) -> Outcome:
    outcome, port = Outcome("kill -9 on PostgreSQL", KILLED_GAP_SECONDS, killed=True), free_port()
    base = f"http://localhost:{port}"
    chosen.deploys = min(chosen.deploys, BUDGETS[Cause.FAULT].attempts)
    with database(postgresql=True) as store, prepared(base, store.url) as (environ, directory):
        async with started(environ, directory) as (current, start):
            spare, balancer = await start(), Balancer(current.port)
            async with await balancer.listen(port):

                async def deploy() -> Exit:
                    nonlocal current, spare
                    old, current = current, spare
                    balancer.target = current.port
                    await old.kill()
                    spare = await start()
                    return Exit(0.0, 0)

                await Run(outcome, base, chosen).through(deploy)
        show_log(directory, chosen)
    return outcome


async def reload(chosen: argparse.Namespace) -> Outcome:
    outcome, port = Outcome("reload on SQLite"), free_port()
    base = f"http://localhost:{port}"
    with prepared(base, None) as (environ, directory):
        async with started(environ, directory, port) as (current, _):
            await Run(outcome, base, chosen).through(current.reload)
        show_log(directory, chosen)
    return outcome


@asynccontextmanager
async def started(
    environ: Mapping[str, str], directory: Path, port: int = 0
) -> AsyncIterator[tuple[Instance, Callable[[], Awaitable[Instance]]]]:
    """A first instance, and a function that starts further ones."""
    made = list[Instance]()

    async def start() -> Instance:
        made.append(Instance(port or free_port(), environ, directory / f"{len(made)}.log"))
        await made[-1].ready()
        return made[-1]

    try:
        yield await start(), start
    finally:
        for each in made:
            each.stop()


def show_log(directory: Path, chosen: argparse.Namespace) -> None:
    if chosen.verbose:
        for log in sorted(directory.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}")


KINDS: Mapping[str, Callable[[argparse.Namespace], Awaitable[Outcome]]] = {
    "rolling": rolling,
    "reload": reload,
    "kill": kill,
}
BY_DEFAULT = ("rolling", "reload")


async def main(chosen: argparse.Namespace, names: Sequence[str]) -> int:
    print(machine(), flush=True)
    outcomes = list[Outcome]()
    for name in names:
        outcomes.append(await KINDS[name](chosen))
        outcomes[-1].tell()
    seen, reached = "; ".join(each.seen for each in outcomes), all(e.reached for e in outcomes)
    return conclude("deploys", seen, reached=reached, keep=chosen.record)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deploys", type=int, default=2)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--assistant", choices=ASSISTANTS, default="echo")
    parser.add_argument("--kind", choices=KINDS, help="only this kind")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    sys.exit(uvloop.run(main(arguments, [arguments.kind] if arguments.kind else BY_DEFAULT)))
