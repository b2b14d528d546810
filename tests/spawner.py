"""Starts bridges in a fraction of a second: forks of a process that has imported the program.

``python -m tests.spawner`` reads JSON lines: one that starts a bridge is answered with its process
id, and an id with whether that process still runs. A fork runs gunicorn, with its master and its
worker, as ``patchbay serve`` does. Only the imports are warm.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bridge import Bridge

WARM = (
    "gunicorn.app.wsgiapp",
    "app.server.worker",
    "app.server.asgi",
    "app.failpoints.install",
    "app.cli.main",
    "app.jobs.postgresql",
    "alembic",
    "psycopg",
    "minio",
    "twilio.rest",
    "twilio.rest.api",
    "vonage",
    "requests",
)
LOOK_SECONDS = 0.01
ROOT = Path(__file__).parents[1]


class Forked:
    """A bridge's master, whose parent is the spawner.

    The system gives its id to another process or thread once it is gone *and* ``poll`` has said so.
    """

    def __init__(self, spawner: Spawner, pid: int) -> None:
        self.pid = pid
        self._spawner = spawner
        self._is_over = False

    def poll(self) -> int | None:
        """0 once it is gone."""
        self._is_over = self._is_over or not self._spawner.runs(self.pid)
        return 0 if self._is_over else None

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + (timeout or 1e9)
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(LOOK_SECONDS)
        return 0


class Spawner:
    """The process that forks. It ends with this one, and ends its bridges. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.spawner"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def start(self, command: Sequence[str], environ: Mapping[str, str], log: str) -> Forked:
        ordered = {"command": list(command), "environ": dict(environ), "log": log}
        return Forked(self, int(self._asked(ordered)))

    def runs(self, pid: int) -> bool:
        """Whether a bridge that it started is still there."""
        return bool(self._asked(pid))

    def _asked(self, what: object) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            print(json.dumps(what), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())


@cache
def _spawner() -> Spawner:
    """This process's."""
    started = Spawner()
    atexit.register(started.close)
    return started


class WarmBridge(Bridge):
    """One whose imports are warm: for tests of what a bridge does, not of how it starts."""

    def _launch(self, command: Sequence[str]) -> Forked:
        return _spawner().start(command, self.environ, str(self.log))


def _fork(ordered: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    log = os.open(ordered["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, descriptor in ((0, nothing), (1, log), (2, log)):
        os.dup2(descriptor, target)
    os.environ.clear()
    os.environ.update(ordered["environ"])
    random.seed()
    sys.argv = list(ordered["command"])
    _run_gunicorn()
    os._exit(0)


def _run_gunicorn() -> None:
    try:
        import_module("gunicorn.app.wsgiapp").run()
    except SystemExit as ended:
        os._exit(int(ended.code or 0) if not isinstance(ended.code, str) else 1)


def _answer(what: Any, running: set[int]) -> object:
    """To one line. ``running``: the bridges whose end was not yet told."""
    if isinstance(what, dict):
        pid = _fork(what)
        running.add(pid)
        return pid
    if what in running and os.waitpid(what, os.WNOHANG)[0]:
        running.remove(what)
    return what in running


if __name__ == "__main__":
    for name in WARM:
        import_module(name)
    import_module("app.wiring")
    bridges = set[int]()
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line), bridges)), flush=True)
    for group in bridges:  # the bench is over, or was killed itself
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
