"""The bridge that a test calls: one of its own on loopback, or one that runs already."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

import urllib3

from app.cli.scenarios.api import Api
from app.vendors.registry import VENDORS
from providers.registry import SIMULATORS

START_SECONDS = 120.0
STOP_SECONDS = 40.0
LOG_TAIL = 2000
SERVE = (sys.executable, "-c", "from app.cli.main import main; main()", "serve")
# Variables that a program needs on any system, and where local models are.
SYSTEM = frozenset(
    [
        *("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER"),
        *("VIRTUAL_ENV", "LOCAL_MODELS_DIR"),
    ]
)
SYSTEM_PREFIXES = ("LC_", "PYTHON")
# What makes a call's end quick: nothing is asked of a carrier that is not there.
QUICK: Mapping[str, str] = {
    "ALLOW_PRIVATE_SERVER_URLS": "1",
    "ASSISTANT_BACKEND": "local",
    "DRAIN_SECONDS": "16",  # in a deploy the next worker must be up before
    "LOG_LEVEL": "WARNING",
    "PRICE_SECONDS": "0",
    "RECONCILE_SECONDS": "1",
    "SETTLE_SECONDS": "0.5",
}


class BridgeFailed(Exception):
    """The bridge does not start, or has no process to be treated like that."""


def simulator(carrier: str) -> ModuleType:
    return import_module(SIMULATORS[carrier])


class RunningBridge:
    """A bridge that runs already. ``environ``: its settings, as the simulators need them."""

    own = False

    def __init__(self, url: str, key: str, environ: Mapping[str, str]) -> None:
        self.environ = {**environ, "PUBLIC_URL": url, "API_KEY": key}
        self.api = Api(url, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class OwnBridge:
    """``with OwnBridge() as bridge``: in processes of its own, with a temporary database."""

    own = True

    def __init__(self, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="patchbay-test-")
        folder = Path(self._folder.name)
        self._log = folder / "bridge.log"
        port = free_port()
        url, key = f"http://localhost:{port}", secrets.token_urlsafe(16)
        self.environ = {
            **inherited(os.environ),
            **QUICK,
            **_accounts(),
            "API_KEY": key,
            "DATABASE_URL": f"sqlite:///{folder}/patchbay.db",
            "GUNICORN_CMD_ARGS": "--log-level warning",
            "PORT": str(port),
            "PUBLIC_URL": url,
            "RECORDINGS_DIR": str(folder / "recordings"),
            **settings,
        }
        self.api = Api(url, key)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                SERVE, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._folder.cleanup()

    def log(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-LOG_TAIL:].strip()

    def kill_worker(self) -> None:
        """``kill -9`` of the worker; returns once the master's next one is ready.

        Until then a worker would take a call over, and answer late. Raises ``BridgeFailed``.
        """
        process = self._running
        for pid in children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._wait(process)

    def deploy(self) -> None:
        """HUP: a new worker starts, the old one hands its calls over."""
        os.kill(self._running.pid, signal.SIGHUP)

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BridgeFailed("the bridge is not running")
        return self._process

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(urllib3.exceptions.HTTPError):
                ready = urllib3.request("GET", f"{self.api.url}/readyz", retries=False, timeout=5)
                if ready.status == 200:
                    return
            time.sleep(0.05)
        raise BridgeFailed(f"the bridge did not start:\n{self.log()}")


Bridge = OwnBridge | RunningBridge


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Of an environment, the system's variables and the vendors' accounts.

    No setting of a bridge is taken over. A carrier's account, a bucket or a server of another
    installation does not belong into a test.
    """
    vendors = tuple(f"{each.env_prefix}_" for each in VENDORS.values() if each.env_prefix)
    return {
        name: value
        for name, value in environ.items()
        if name in SYSTEM or name.startswith((*SYSTEM_PREFIXES, *vendors))
    }


def _accounts() -> dict[str, str]:
    """An account at each simulated carrier, and where the carrier's API will be served."""
    found = dict[str, str]()
    for name in SIMULATORS:
        found |= simulator(name).own_account()
        found[f"{name.upper()}_API_URL"] = f"http://127.0.0.1:{free_port()}"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")  # Linux
    if listed.exists():
        return [int(each) for each in listed.read_text().split()]
    command = ["ps", "-A", "-o", "pid=,ppid="]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in table.splitlines())
    return [int(own) for own, parent in rows if int(parent) == pid]
