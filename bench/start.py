"""``python -m bench.start``: the seconds of a start, the memory after it, and its first calls.

A start is that of gunicorn with one worker, on a SQLite database that is up to date. An unmeasured
start comes first: it writes the bytecode, as a deployment's first start does. The calls come one
after the other, the first as soon as ``/readyz`` says yes. Vendors and carrier are those of
``bench.media``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from app.cli.processes import free_port
from bench.calls import BRIDGE_CORE, warmed
from bench.serving import Process, environment, running

BACKENDS = {"echo": "without pipecat", "local": "with pipecat"}
VENDORS = {"OPENAI_API_KEY": "bench", "DEEPGRAM_API_KEY": "bench"}
CALLS = 10
PATIENCE = 60.0
SERVER = ("-m", "gunicorn", "--no-control-socket", "-k", "app.server.worker.Worker")


@dataclass(frozen=True)
class Memory:
    """Megabytes of one process. ``proportional``: a page that n processes share counts 1/n."""

    resident: float
    proportional: float


@dataclass(frozen=True)
class Start:
    """One start. ``cpu``: processor seconds of master and worker until it was ready."""

    answered: float
    ready: float
    cpu: float
    master: Memory
    worker: Memory


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="starts of each kind")
    rounds = options.parse_args().rounds
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} before; medians of {rounds} starts (most)"
    )
    with tempfile.TemporaryDirectory() as bytecode:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = bytecode
        for backend, name in BACKENDS.items():
            seen = starts(backend, rounds)
            print(f"\n{name} (ASSISTANT_BACKEND={backend})\n{described(seen)}")
        others = os.sched_getaffinity(0) - {BRIDGE_CORE}
        os.sched_setaffinity(0, others or {BRIDGE_CORE})
        print(f"\nfirst sound after the stream's start, ms; {CALLS} calls after each start")
        found = [uvloop.run(first_sounds()) for _ in range(rounds)]
        for number in range(CALLS):
            print(f"call {number + 1:>2}  {spread([each[number] for each in found], 1e3, 0)}")
    print(f"\nload {os.getloadavg()[0]:.1f} after")


# -- starts


def starts(backend: str, rounds: int) -> list[Start]:
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        env = environment(port, directory, None) | VENDORS | {"ASSISTANT_BACKEND": backend}
        upgrade = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
        subprocess.run(upgrade, env=env, check=True, stdout=subprocess.DEVNULL)
        return [start(env, port) for _ in range(rounds + 1)][1:]


def start(env: Mapping[str, str], port: int) -> Start:
    began = time.monotonic()
    command = [sys.executable, *SERVER, "-b", f"127.0.0.1:{port}", "--log-level", "error"]
    with running([*command, "app.server.asgi:application"], env, core=None) as master:
        until_ok(f"http://127.0.0.1:{port}/healthz")
        answered = time.monotonic() - began
        until_ok(f"http://127.0.0.1:{port}/readyz")
        ready = time.monotonic() - began
        worker = int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])
        return Start(answered, ready, Process(port, master).cpu, memory(master), memory(worker))


def until_ok(url: str) -> None:
    """Ask until the status is 200. Before there is a worker, the kernel lets the request wait."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=PATIENCE).close()
            return
        except OSError:  # an HTTPError as well
            time.sleep(0.005)
    raise SystemExit(f"{url} never said yes")


def memory(pid: int) -> Memory:
    """Raises ``KeyError`` on a system without these figures."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return Memory(kilobytes["Rss"] * 1024 / 1e6, kilobytes["Pss"] * 1024 / 1e6)


def described(seen: Sequence[Start]) -> str:
    rows = {
        "first answer, s": [each.answered for each in seen],
        "ready, s": [each.ready for each in seen],
        "processor time until ready, s": [each.cpu for each in seen],
        "worker, MB resident": [each.worker.resident for each in seen],
        "worker, MB proportional": [each.worker.proportional for each in seen],
        "master, MB resident": [each.master.resident for each in seen],
        "master, MB proportional": [each.master.proportional for each in seen],
    }
    digits = {name: 2 if name.endswith(" s") else 0 for name in rows}
    return "\n".join(f"{name:<32} {spread(row, 1, digits[name])}" for name, row in rows.items())


def spread(values: Sequence[float], factor: float, digits: int) -> str:
    middle, most = statistics.median(values) * factor, max(values) * factor
    return f"{middle:>7.{digits}f} ({most:.{digits}f})"


# -- calls


async def first_sounds() -> list[float]:
    """Seconds from the stream's start to the greeting, for the calls after one start."""
    found = list[float]()
    with warmed() as api:
        for _ in range(CALLS):
            _, phone = await asyncio.to_thread(api.phone, smart=True)
            await phone.live(turns=0)
            found.append(phone.first_sound)
    return found


if __name__ == "__main__":
    main()
