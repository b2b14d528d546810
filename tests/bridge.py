"""A whole bridge as its users run it: gunicorn in a process of its own, on a loopback port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEY = "an api key of the tests 0123456789"
ACCOUNT = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "canary-twilio-auth-token"
API_KEY = "abcd1234"
SIGNATURE_SECRET = "canary-vonage-signature-secret-of-some-length"
APPLICATION = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
TWILIO_NUMBER = "+15550100001"
VONAGE_NUMBER = "+15550100002"
CUSTOMER = "+14155550123"
SECRETS = (AUTH_TOKEN, SIGNATURE_SECRET)
START_SECONDS = 60.0


@cache
def private_key() -> str:
    """The application's, made for this run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, clear).decode()


_ports = count(10_000 + os.getpid() * 211 % 20_000)


def free_port() -> int:
    """Below those the system hands out, and different in every process of the tests.

    Whoever asks a port that nobody serves yet (a bridge its simulator) must not meet a server of
    another test there.
    """
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("count() does not end")


class Bridge:
    """``with Bridge(database_url, directory) as bridge``: started, ready.

    The database is up to date: a command that finds that out is a process for nothing.
    """

    def __init__(self, database_url: str, directory: Path, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = directory / f"bridge-{self.port}.log"
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TWILIO_", "VONAGE_"))},
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "DATABASE_URL": database_url,
            "SECRET_KEY": "the secret key of the tests",
            "API_KEY": KEY,
            "SETTLE_SECONDS": "0.4",
            "ASSISTANT_REQUEST_SECONDS": "2",
            "ALLOW_PRIVATE_SERVER_URLS": "1",
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_PHONE_NUMBER": TWILIO_NUMBER,
            "VONAGE_API_KEY": API_KEY,
            "VONAGE_SIGNATURE_SECRET": SIGNATURE_SECRET,
            "VONAGE_PHONE_NUMBER": VONAGE_NUMBER,
            "VONAGE_APPLICATION_ID": APPLICATION,
            "VONAGE_PRIVATE_KEY": private_key(),
            # Where a simulator serves while it plays; nobody is there at other times.
            "TWILIO_API_URL": f"http://127.0.0.1:{free_port()}",
            "VONAGE_API_URL": f"http://127.0.0.1:{free_port()}",
            "RECONCILE_SECONDS": "1",
            "ASSISTANT_BACKEND": "echo",  # the engine takes seconds and 200 MB to load
            "PRICE_SECONDS": "0.1",
            "DRAIN_SECONDS": "0",
            "CURRENCY_RATES": "EUR=1.25",
            **environ,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.http = urllib3.PoolManager(maxsize=30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.http.clear()
        self.stop()

    def run(self, *arguments: str, check: bool = True) -> str:
        """One ``patchbay`` command with this bridge's settings; its output. ``check``: it is to exit 0."""
        command = [sys.executable, "-c", "from app.cli.main import main; main()", *arguments]
        done = subprocess.run(
            command, env=self.environ, check=check, capture_output=True, text=True
        )
        return done.stdout

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-k", "app.server.worker.Worker"]
        command += [
            "--no-control-socket",
            "-b",
            f"127.0.0.1:{self.port}",
            "app.server.asgi:application",
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

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

    def until(self, call_id: str, status: str, seconds: float = 20.0) -> Any:
        """The call once it has this status."""
        return self._until(
            lambda: self.call(call_id), lambda call: call["status"] == status, seconds
        )

    def until_delivered(self, call_id: str, count: int, seconds: float = 20.0) -> Any:
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
