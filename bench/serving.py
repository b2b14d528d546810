"""Processes of a bench: the bridge under gunicorn, if wanted on its own core, and its usage."""

from __future__ import annotations

import os
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

from app.cli.processes import children, free_port
from tests.fakes.carriers import FAKES

KEY = "bench-api-key-0123456789"
JSON = {"Content-Type": "application/json"}
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
IDLE_SECONDS, IDLE_SHARE = 0.5, 0.05


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
        "DIAL_LIMIT_PER_HOUR": "0",
        "DIAL_MINUTES_PER_HOUR": "0",
        "RUN_JOBS": "0",  # messages are queued and not sent, unless the bench says otherwise
        "LOG_LEVEL": "ERROR",
        **ChainMap(*accounts),
    }


@dataclass(frozen=True)
class Process:
    """A process that listens on a port of this machine, and its children."""

    port: int
    pid: int

    @property
    def cpu(self) -> float:
        """Processor seconds so far: of gunicorn's master and its workers."""
        return family_cpu(self.pid)

    @property
    def worker(self) -> int:
        """The process that serves: the last child, or the process itself."""
        return (self.pid, *children(self.pid))[-1]

    @property
    def memory(self) -> float:
        """Resident memory of the worker in megabytes."""
        return int(Path(f"/proc/{self.worker}/statm").read_text().split()[1]) * PAGE / 1e6

    @property
    def descriptors(self) -> int:
        """Open file descriptors of the worker."""
        worker = (self.pid, *children(self.pid))[-1]
        return len(os.listdir(f"/proc/{worker}/fd"))

    def wait_until_idle(self, patience: float = 60.0) -> None:
        """Wait until it has used almost no processor time for half a second."""
        until = time.monotonic() + patience
        used = self.cpu
        while time.monotonic() < until:
            time.sleep(IDLE_SECONDS)
            before, used = used, self.cpu
            if used - before < IDLE_SHARE * IDLE_SECONDS:
                return


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process by its own clock, to the nanosecond.

    ``/proc/PID/task/*/schedstat`` has the same time, without that of ended threads.
    https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
    """
    return time.clock_gettime(~pid << 3 | 2)


def family_cpu(pid: int) -> float:
    """Processor seconds of a process and its children so far, ended ones included."""
    ended = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[13:15]
    running = sum(cpu_seconds(each) for each in (pid, *children(pid)))
    return running + sum(map(int, ended)) / TICKS


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
    descriptors: int | None = None,
) -> Iterator[Process]:
    """The bridge, with a new database. ``more``: variables; ``core``: the core for all of it.

    ``descriptors``: the limit of its file descriptors, hard and soft.
    """
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
        if descriptors is not None:
            command = ["prlimit", f"--nofile={descriptors}:{descriptors}", *command]
        with running([*command, "bench.application:application"], env, core) as pid:
            wait(f"http://127.0.0.1:{port}/readyz")
            yield Process(port, pid)


@contextmanager
def module(name: str, core: int | None = None) -> Iterator[Process]:
    """Run ``python -m NAME PORT``, and wait until it answers on that port."""
    port = free_port()
    with running([sys.executable, "-m", name, str(port)], dict(os.environ), core) as pid:
        wait(f"http://127.0.0.1:{port}/")
        yield Process(port, pid)


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], core: int | None, *, silent: bool = False
) -> Iterator[int]:
    """``silent``: what it prints is not shown."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    output = subprocess.DEVNULL if silent else None
    process = subprocess.Popen([*pinned, *command], env=env, stdout=output, stderr=output)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


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
