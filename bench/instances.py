"""Instances of the bridge that a bench starts, replaces and reloads."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.cli.processes import children
from bench.serving import wait

PATIENCE = 60.0


@dataclass(frozen=True)
class Exit:
    """How a process ended: seconds after the signal, and its status."""

    seconds: float
    code: int


class Instance:
    """gunicorn with one worker, as the Procfile starts it."""

    def __init__(self, port: int, environ: Mapping[str, str], log: Path) -> None:
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        command += ["-k", "app.server.worker.Worker", "-b", f"127.0.0.1:{port}"]
        self.port, self.log = port, log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*command, "app.server.asgi:application"],
                env={**environ, "PORT": str(port)},
                stdout=out,
                stderr=out,
            )

    async def ready(self) -> None:
        await asyncio.to_thread(wait, f"http://127.0.0.1:{self.port}/readyz")

    async def terminate(self) -> Exit:
        """SIGTERM, as a host sends it."""
        began = time.monotonic()
        self.process.terminate()
        code = await asyncio.to_thread(self.process.wait, PATIENCE)
        return Exit(time.monotonic() - began, code)

    async def reload(self) -> Exit:
        """SIGHUP: gunicorn starts a new worker and stops the old one. The exit is the old one's."""
        [old] = children(self.process.pid)
        size = self.log.stat().st_size
        began = time.monotonic()
        self.process.send_signal(signal.SIGHUP)
        while (took := time.monotonic() - began) < PATIENCE:
            if old not in children(self.process.pid):
                return Exit(took, _complaint(self.log, size, old))
            await asyncio.sleep(0.05)
        return Exit(took, -1)

    async def kill(self) -> None:
        """SIGKILL to the master and its workers."""
        for pid in (self.process.pid, *children(self.process.pid)):
            os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait, PATIENCE)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGQUIT)
            self.process.wait()


def _complaint(log: Path, since: int, worker: int) -> int:
    """1 if gunicorn's master says that the worker failed.

    It is silent about status 0, and "was sent SIGTERM" is uvicorn's own end of a graceful stop.
    """
    with log.open("rb") as text:
        text.seek(since)
        lines = text.read().decode(errors="replace").splitlines()
    words = ("exited with code", "was sent SIGKILL", "WORKER TIMEOUT")
    return int(any(str(worker) in line and any(w in line for w in words) for line in lines))
