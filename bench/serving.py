"""Processes of a bench: the bridge under gunicorn, if wanted on its own core, and its usage."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tests.fakes.carriers import FAKES

KEY = "bench-api-key-0123456789"
JSON = {"Content-Type": "application/json"}
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def environment(port: int, directory: str, database: str | None) -> dict[str, str]:
    accounts = [fake.environment() for fake in FAKES.values()]
    return {
        **os.environ,
        "MALLOC_ARENA_MAX": "2",  # as `patchbay serve` sets it
        "PORT": str(port),
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": database or f"sqlite:///{directory}/bench.db",
        "SECRET_KEY": "the secret key of the bench",
        "API_KEY": KEY,
        "SERVER_URL": "http://127.0.0.1:9/never-sent",
        "ALLOW_PRIVATE_SERVER_URLS": "1",
        "RATE_LIMIT_PER_MINUTE": "0",
        "RUN_JOBS": "0",  # this bench queues messages but does not send them
        "LOG_LEVEL": "ERROR",
        **ChainMap(*accounts),
    }


@dataclass(frozen=True)
class Process:
    """A process that listens on a port of this machine."""

    port: int
    pid: int
    """The process that serves requests: gunicorn's worker."""

    @property
    def cpu(self) -> float:
        """Processor seconds of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """Resident memory in megabytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 1e6


def core_busy(core: int) -> float:
    """Seconds so far in which the core was busy or the host took it away."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq + steal) / TICKS
    raise SystemExit(f"this machine has no core {core}")


@contextmanager
def bridge(
    workers: int = 1,
    database: str | None = None,
    more: Mapping[str, str] | None = None,
    core: int | None = None,
) -> Iterator[Process]:
    """The bridge, with a new database. ``more``: variables; ``core``: the core for all of it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        env = {**environment(port, directory, database), **(more or {})}
        python = [sys.executable, "-m"]
        subprocess.run(
            [*python, "flask", "--app", "app", "db", "upgrade"],
            env=env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        command = [*python, "gunicorn", "-k", "app.server.worker.Worker", "-w", str(workers)]
        command += ["-b", f"127.0.0.1:{port}", "--log-level", "error"]
        with running([*command, "bench.application:application"], env, core) as pid:
            wait(f"http://127.0.0.1:{port}/readyz")
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            yield Process(port, int(children[0]))


@contextmanager
def module(name: str, core: int | None = None) -> Iterator[Process]:
    """Run ``python -m NAME PORT``, and wait until it answers on that port."""
    port = free_port()
    with running([sys.executable, "-m", name, str(port)], dict(os.environ), core) as pid:
        wait(f"http://127.0.0.1:{port}/")
        yield Process(port, pid)


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], core: int | None) -> Iterator[int]:
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    process = subprocess.Popen([*pinned, *command], env=env)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(url: str) -> None:
    """Wait for any answer but 503."""
    for _ in range(400):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                return
            time.sleep(0.05)
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} never answered")
