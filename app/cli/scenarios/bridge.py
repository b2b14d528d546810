"""The bridge that a test calls: one of its own on loopback, or one that runs already."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Self

from app.cli.processes import (
    PATCHBAY,
    QUIET,
    STOP_SECONDS,
    becomes_ready,
    children,
    free_port,
)
from app.cli.scenarios.api import Api
from app.vendors.registry import VENDORS
from providers.registry import SIMULATORS

START_SECONDS = 120.0
LOG_TAIL = 2000
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

    def __exit__(self, *_: object) -> None:
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
            **QUIET,
            **_accounts(),
            "API_KEY": key,
            "DATABASE_URL": f"sqlite:///{folder}/patchbay.db",
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
                (*PATCHBAY, "serve"),
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
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
        if not becomes_ready(self.api.url, process, START_SECONDS):
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
