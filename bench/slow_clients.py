"""``python -m bench.slow_clients``: slow and silent clients beside live calls.

The real bridge runs under gunicorn, with the backend ``echo``. Attackers come from ten addresses.
Their heads and bodies get a byte now and then, or their connections say nothing. Each that the
bridge closes is opened again. Media sockets of real calls are accepted and send no start.
Beside them calls send sound in real time and the API is asked on schedule. The whole is done once
more under a small limit of file descriptors.

``--full`` is the size of docs/reliability.md, and takes four minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bench.client import Answer, Client
from bench.figures import median, percentile
from bench.machine import machine
from bench.phone import Phone
from bench.prepared import Requests
from bench.reliability import conclude
from bench.serving import KEY, Process, bridge, core_busy
from tests.fakes.carriers.twilio import TWILIO

HEAD = b"GET /call HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /call HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n{"
OPENINGS = {"head": HEAD, "body": BODY, "idle": b""}
BYTE_SECONDS = 4.0
"""Between two bytes of a slow client."""
REOPEN_SECONDS = 0.5
ADDRESSES = 10
ELSEWHERE = ("127.0.0.20", 0)
"""Where the silent media sockets come from."""
API_RATE = 20
"""Requests a second."""
AIM = 0.250
"""Seconds: the API's p99."""
FULL = {"heads": 500, "bodies": 500, "idle": 500, "silent": 500, "calls": 50, "seconds": 60.0}
FEW = {"heads": 60, "bodies": 60, "idle": 60, "silent": 10, "calls": 5}
"""The attack under a limit that leaves room for 96 connections."""
SMALL_LIMIT = 256
SILENT_SECONDS = 20.0
"""A media socket without a start must be gone by then: 5 s, and the closing handshake."""


@dataclass
class Attack:
    """What the attackers saw."""

    opened: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    """Seconds that the longest connection of a kind lasted."""
    refused: int = 0


@dataclass
class Seen:
    api: list[Answer] = field(default_factory=list)
    sound: list[list[float]] = field(default_factory=list)
    dropped: int = 0
    descriptors: list[int] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)
    """Seconds until the bridge closed a media socket without a start."""
    cpu: float = 0.0
    """Share of a core that the bridge used meanwhile."""
    machine: float = 0.0
    """Share of the machine's cores that were busy, with all that ran beside."""


async def attacker(port: int, kind: str, number: int, attack: Attack) -> None:
    """Open a connection, be slow, and open the next when it is closed."""
    local = (f"127.0.0.{2 + number % ADDRESSES}", 0)
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
        except OSError:
            attack.refused += 1
            await asyncio.sleep(1)
            continue
        attack.opened[kind] += 1
        began = time.monotonic()
        try:
            writer.write(OPENINGS[kind])
            await _be_slow(kind, reader, writer)
        except OSError:
            pass
        finally:
            lasted = time.monotonic() - began
            attack.longest[kind] = max(lasted, attack.longest.get(kind, 0.0))
            writer.close()
        await asyncio.sleep(REOPEN_SECONDS)


async def _be_slow(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte at a time until the other side has closed."""
    while True:
        try:
            async with asyncio.timeout(BYTE_SECONDS):
                if not await reader.read(4096):
                    return
        except TimeoutError:
            if OPENINGS[kind]:
                writer.write(b"x")


async def silent(url: str, seen: Seen) -> None:
    """A media socket that is accepted and sends nothing."""
    headers = TWILIO.signer.handshake(url)
    began = time.monotonic()
    with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
        async with connect(
            url, additional_headers=headers, proxy=None, open_timeout=60, local_addr=ELSEWHERE
        ) as socket:
            began = time.monotonic()
            async for _ in socket:
                pass
    seen.silent.append(time.monotonic() - began)


async def talk(url: str, call: str, seconds: float, seen: Seen) -> None:
    try:
        seen.sound.append(await Phone(url, call).echo(seconds))
    except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
        print(f"a live call's socket was dropped: {error!r}")
        seen.dropped += 1


async def ask(port: int, call: str, seconds: float, seen: Seen) -> None:
    """Ask on schedule: each request on a connection that is kept alive."""
    client = Client(port)
    head = f"GET /call/{call} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\r\n"

    async def one() -> None:
        seen.api.append(await client.ask(head.encode()))

    tasks, began = list[asyncio.Task[None]](), time.monotonic()
    for number in range(int(seconds * API_RATE)):
        await asyncio.sleep(max(0.0, began + number / API_RATE - time.monotonic()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)


async def count(process: Process, seen: Seen) -> None:
    while True:
        seen.descriptors.append(process.descriptors)
        await asyncio.sleep(1)


def media_urls(requests: Requests, calls: int) -> list[tuple[str, str]]:
    """Create calls that wait for their sockets."""
    found = []
    for _ in range(calls):
        made: Any = requests.call("POST", "/call", requests.body("twilio"))
        found.append((TWILIO.media_url(made["phoneCallProviderDetails"]), made["id"]))
    return found


async def attacked(process: Process, sizes: argparse.Namespace, most: float) -> tuple[Seen, Attack]:
    """The calls and the API alone for some seconds, then under attack."""
    requests, seen, attack = Requests(process.port), Seen(), Attack()
    process.wait_until_idle()
    live = await asyncio.to_thread(media_urls, requests, sizes.calls)
    quiet = await asyncio.to_thread(media_urls, requests, sizes.silent)
    counting = asyncio.create_task(count(process, seen))
    kinds = [*["head"] * sizes.heads, *["body"] * sizes.bodies, *["idle"] * sizes.idle]
    calling = [asyncio.create_task(talk(url, call, most, seen)) for url, call in live]
    await asyncio.sleep(2)
    attackers = [
        asyncio.create_task(attacker(process.port, kind, number, attack))
        for number, kind in enumerate(kinds)
    ]
    hanging = [asyncio.create_task(silent(url, seen)) for url, _ in quiet]
    began, cpu, busy = time.monotonic(), process.cpu, all_busy()
    await ask(process.port, live[0][1], most - 4, seen)
    took = time.monotonic() - began
    seen.cpu, seen.machine = (process.cpu - cpu) / took, (all_busy() - busy) / took
    await asyncio.gather(*calling)
    await asyncio.gather(*hanging)
    for task in (*attackers, counting):
        task.cancel()
    await asyncio.gather(*attackers, counting, return_exceptions=True)
    return seen, attack


def all_busy() -> float:
    """Seconds so far in which cores were busy, per core."""
    cores = sorted(os.sched_getaffinity(0))
    return sum(map(core_busy, cores)) / len(cores)


def metrics(port: int) -> dict[str, str]:
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    rows = [line for line in text.splitlines() if line.startswith("patchbay_connections")]
    return dict(row.rsplit(" ", 1) for row in rows)


def report(name: str, seen: Seen, attack: Attack, port: int) -> bool:
    """Print what was seen, and whether it is good."""
    good = [answer.seconds for answer in seen.api if answer.status == HTTPStatus.OK]
    bad = Counter(answer.status for answer in seen.api if answer.status != HTTPStatus.OK)
    p99 = percentile(good, 0.99)
    sound = [one for each in seen.sound for one in each]
    lasted = {kind: round(longest, 1) for kind, longest in sorted(attack.longest.items())}
    print(f"\n{name}")
    print(
        f"API: {len(good)} answered, p50 {median(good):.0f} ms, p99 {p99:.0f} ms, "
        f"failed {dict(bad) or 0}"
    )
    print(
        f"live calls: {len(seen.sound)} with sound to the end, {seen.dropped} dropped; "
        f"{len(sound)} messages echoed, p50 {median(sound):.0f} ms, p99 {percentile(sound, 0.99):.0f} ms"
    )
    print(
        f"attackers opened {dict(attack.opened)}, not connected {attack.refused}; longest {lasted}"
    )
    if seen.silent:
        print(
            f"media sockets without a start: {len(seen.silent)}, longest {max(seen.silent):.1f} s"
        )
    steps = seen.descriptors[:: max(1, len(seen.descriptors) // 12)]
    print(f"descriptors: most {max(seen.descriptors)}; over time {' '.join(map(str, steps))}")
    print(json.dumps(metrics(port)))
    late = max(seen.silent, default=0.0) > SILENT_SECONDS
    return p99 <= AIM * 1e3 and not bad and not seen.dropped and not late


def run(name: str, sizes: argparse.Namespace, descriptors: int | None) -> tuple[bool, str]:
    more = {"ASSISTANT_BACKEND": "echo", "LOG_LEVEL": "ERROR", "DRAIN_SECONDS": "1"}
    with bridge(more=more, descriptors=descriptors) as process:
        seen, attack = uvloop.run(attacked(process, sizes, sizes.seconds))
        good = report(name, seen, attack, process.port)
    api = [answer.seconds for answer in seen.api]
    return good, (
        f"{name}: {sum(attack.opened.values())} slow connections and {len(seen.silent)} silent media "
        f"sockets beside {sizes.calls} calls: API p99 {percentile(api, 0.99):.0f} ms of {len(api)}, "
        f"{seen.dropped} calls dropped, at most {max(seen.descriptors)} descriptors"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--heads", type=int, default=150, help="unfinished heads at a time")
    options.add_argument("--bodies", type=int, default=150, help="unfinished bodies at a time")
    options.add_argument("--idle", type=int, default=150, help="silent connections at a time")
    options.add_argument("--silent", type=int, default=50, help="media sockets without a start")
    options.add_argument("--calls", type=int, default=10, help="live calls")
    options.add_argument("--seconds", type=float, default=40.0)
    options.add_argument("--full", action="store_true", help="500 of each beside 50 calls, 60 s")
    options.add_argument("--record", action="store_true", help="keep it for docs/reliability.md")
    sizes = options.parse_args()
    if sizes.full:
        sizes = argparse.Namespace(**{**vars(sizes), **FULL})
    print(machine())
    free, said = run("all descriptors", sizes, None)
    few = argparse.Namespace(**{**vars(sizes), **FEW})
    small, said_small = run(f"{SMALL_LIMIT} descriptors", few, SMALL_LIMIT)
    seen, reached = f"{said}; {said_small}", free and small
    raise SystemExit(conclude("slow-clients", seen, reached=reached, keep=sizes.record))


if __name__ == "__main__":
    main()
