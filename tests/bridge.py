"""A whole bridge as its users run it: gunicorn in a process of its own, on a loopback port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol, Self

import urllib3

from app.cli.processes import PATCHBAY
from providers.simulation.config import SIP_HOST
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER

KEY = "an api key of the tests 0123456789"
START_SECONDS = 180.0
PREFIXES = tuple(f"{name.upper()}_" for name in FAKES)
"""Of variables that name an account at a carrier: a developer's own must not be used."""


_ports = count(10_000 + os.getpid() * 211 % 20_000)


def free_port() -> int:
    """Below those the system hands out, and different in every process of the tests.

    A request to a port without a server yet (a bridge asks its simulator) must not meet a server of
    another test there.
    """
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("count() does not end")


def carriers() -> dict[str, str]:
    """The bridge's account at each carrier, whose simulator serves its API while it plays."""
    environ = dict[str, str]()
    for name, fake in FAKES.items():
        environ |= fake.environment()
        environ[f"{name.upper()}_API_URL"] = f"http://127.0.0.1:{free_port()}"
    return environ


class Process(Protocol):
    """What a bridge uses of ``subprocess.Popen``."""

    pid: int

    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Bridge:
    """``with Bridge(database_url, directory) as bridge``: started, ready.

    The database is up to date: a command that finds that out is a process for nothing.
    """

    def __init__(self, database_url: str, directory: Path, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = directory / f"bridge-{self.port}.log"
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(PREFIXES)},
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "DATABASE_URL": database_url,
            "ALLOWED_SIP_HOSTS": SIP_HOST,
            "SECRET_KEY": "the secret key of the tests",
            "API_KEY": KEY,
            "SETTLE_SECONDS": "0.4",
            "ASSISTANT_REQUEST_SECONDS": "2",
            "ALLOW_PRIVATE_SERVER_URLS": "1",
            "RECONCILE_SECONDS": "1",
            "ASSISTANT_BACKEND": "echo",  # the engine takes seconds and 200 MB to load
            "PRICE_SECONDS": "0.1",
            "DRAIN_SECONDS": "0",
            "CURRENCY_RATES": "EUR=1.25",
            **carriers(),
            **environ,
        }
        self.process: Process | None = None
        self.http = urllib3.PoolManager(maxsize=30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.clear()
        self.stop()

    def run(self, *arguments: str, check: bool = True) -> str:
        """One ``patchbay`` command with this bridge's settings; its output. ``check``: it is to exit 0."""
        command = (*PATCHBAY, *arguments)
        done = subprocess.run(
            command, env=self.environ, check=check, capture_output=True, text=True
        )
        return done.stdout

    def start(self) -> None:
        self.process = self._launch(
            [
                "gunicorn",
                "-k",
                "app.server.worker.Worker",
                "--no-control-socket",
                "-b",
                f"127.0.0.1:{self.port}",
                "app.server.asgi:application",
            ]
        )
        self._wait()

    def _launch(self, command: Sequence[str]) -> Process:
        """Run a module of Python with these arguments, in a session of its own."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """As a deploy does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=40)
            self.process = None

    def kill(self) -> None:
        """``kill -9`` of the master and every worker."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        self.process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                if self.http.request("GET", self.url + "/readyz", retries=False).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)  # between two looks at a process that is starting
        raise AssertionError(f"the bridge did not start:\n{self.log.read_text()[-3000:]}")

    # -- the public API

    def api(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        """JSON in and out, with the API key."""
        status, answer = self.ask(method, path, body)
        assert expect is None or status == expect, (status, answer)
        return answer

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        answer = self.http.request(
            method,
            self.url + path,
            body=None if body is None else json.dumps(body),
            headers={
                "Authorization": f"Bearer {KEY}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        return answer.status, json.loads(answer.data) if answer.data else None

    def number_id(self, provider: str) -> str:
        rows = self.api("GET", "/phone-number", expect=200)
        return next(str(row["id"]) for row in rows if row["provider"] == provider)

    def create(self, provider: str = "twilio", **fields: Any) -> Any:
        """A bypass call, as the flow's owner makes one."""
        body = {
            "phoneNumberId": self.number_id(provider),
            "assistant": {"name": "echo", "transport": {"provider": "echo"}},
            "customer": {"number": CUSTOMER},
            "phoneCallProviderBypassEnabled": True,
            **fields,
        }
        return self.api("POST", "/call", body, expect=201)

    def call(self, call_id: str) -> Any:
        return self.api("GET", f"/call/{call_id}", expect=200)

    def until(self, call_id: str, status: str, seconds: float = 60.0) -> Any:
        """The call once it has this status."""
        return self._until(
            lambda: self.call(call_id), lambda call: call["status"] == status, seconds
        )

    def until_delivered(self, call_id: str, count: int, seconds: float = 60.0) -> Any:
        """The call's messages once so many are delivered."""
        return self._until(
            lambda: self.api("GET", f"/call/{call_id}/messages", expect=200),
            lambda rows: sum(row["state"] == "delivered" for row in rows) >= count,
            seconds,
        )

    def _until(self, look: Any, enough: Any, seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            seen = look()
            if enough(seen):
                return seen
            assert time.monotonic() < deadline, f"still {seen}"
            time.sleep(0.02)  # between two looks
