"""``python -m bench.media [PART ...]``: the cost of a call, and a caller's waiting time.

The real bridge runs under gunicorn with one worker, pinned to one core. Callers and the vendors'
stand-ins share the other cores; the stand-ins answer at once. The callers talk in real time over
Twilio's protocol, about six seconds a turn, and the voice has 24 kHz. Server messages are queued.
The floor is a websocket loop that only decodes and encodes every message.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine

import uvloop

from bench.beside import control, memory
from bench.calls import BRIDGE_CORE, leave_the_bridges_core
from bench.figures import median, percentile
from bench.handoff import handoff
from bench.phone import Phone
from bench.serving import module
from bench.talk import latency, load


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", metavar="PART", help=" ".join(PARTS))
    options.add_argument("--seconds", type=float, default=30.0, help="of a latency window")
    options.add_argument("--step", type=float, default=12.0, help="seconds of a step of the load")
    options.add_argument("--calls", type=int, nargs="+", default=[8, 10, 12, 14], help="the steps")
    options.add_argument("--busy", type=int, default=12, help="calls beside the control plane")
    chosen = options.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        options.error(f"no such part: {' '.join(sorted(unknown))}; there are {' '.join(PARTS)}")
    leave_the_bridges_core()
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} before"
    )
    for name in chosen.parts or PARTS:
        print(f"\n{name}")
        uvloop.run(PARTS[name](chosen))
    print(f"\nload {os.getloadavg()[0]:.1f} after")


# -- parts


async def floor(chosen: argparse.Namespace) -> None:
    calls = max(chosen.calls)
    with module("bench.floor", core=BRIDGE_CORE) as server:
        phones = [Phone(f"ws://127.0.0.1:{server.port}/") for _ in range(calls)]
        before, began = server.cpu, time.monotonic()
        times = await asyncio.gather(*(phone.echo(8.0) for phone in phones))
        share = (server.cpu - before) / (time.monotonic() - began) / calls
    every = [one for each in times for one in each]
    print(
        f"{calls} sockets: a message and back p50 {median(every):.1f} ms, "
        f"p99 {percentile(every, 0.99):.1f} ms; {share:.1%} of a core each"
    )


async def imports(chosen: argparse.Namespace) -> None:
    for name, code in (
        ("app.server.asgi", "import app.server.asgi"),
        ("the engine, after it", "from app.assistants.local import preload; preload.load()"),
    ):
        before = "import app.server.asgi; " if name != "app.server.asgi" else ""
        runs = [timed_import(before, code) for _ in range(3)]
        wall, cpu = (statistics.median(run[n] for run in runs) for n in (0, 1))
        print(f"{name:<22} {wall:.2f} s, {cpu:.2f} s of processor time")


def timed_import(before: str, code: str) -> tuple[float, float]:
    program = (
        f"{before}import time; a, b = time.perf_counter(), time.process_time(); {code}; "
        "print(time.perf_counter() - a, time.process_time() - b)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    wall, cpu = map(float, out.stdout.split())
    return wall, cpu


Part = Callable[[argparse.Namespace], Coroutine[None, None, None]]
PARTS: dict[str, Part] = {
    "imports": imports,
    "floor": floor,
    "latency": latency,
    "load": load,
    "memory": memory,
    "control": control,
    "handoff": handoff,
}


if __name__ == "__main__":
    main()
