"""A PostgreSQL whose processes can be killed and frozen: started by this process, as its child."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from app.cli.processes import children, free_port
from tests.postgresql import MISSING, USER, _binaries, _user


class PostgreSQL:
    """One server with its own defaults, so that what it acknowledged is on the disk."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self.port = free_port()
        self._binaries = binaries
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        return f"postgresql://{USER}@127.0.0.1:{port}/postgres"

    def init(self) -> None:
        root = os.geteuid() == 0
        if root and (user := _user()) is not None:
            os.chown(self._directory, user.pw_uid, -1)
        data = str(self._directory / "data")
        command = [str(self._binaries / "initdb"), "-D", data, "-A", "trust", "-U", USER]
        subprocess.run(
            [*command, "-E", "UTF8"],
            check=True,
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            user=USER if root else None,
        )

    def start(self) -> float:
        """Start it, and wait until it can be used. Returns the seconds that took."""
        began = time.monotonic()
        command = [str(self._binaries / "postgres"), "-D", str(self._directory / "data")]
        command += ["-c", "listen_addresses=127.0.0.1", "-p", str(self.port)]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-k", str(self._directory)],
                cwd=self._directory,
                stdout=log,
                stderr=log,
                user=USER if os.geteuid() == 0 else None,
            )
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=2).close()
                return time.monotonic() - began
            if self._process.poll() is not None:
                raise SystemExit((self._directory / "log").read_text()[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """``kill -9`` of every process of it, at once."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._process = None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            for pid in (self._process.pid, *children(self._process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A new server, gone afterwards."""
    binaries = _binaries()
    if binaries is None:
        raise SystemExit(MISSING)
    directory = Path(tempfile.mkdtemp(prefix="patchbay-chaos-"))
    server = PostgreSQL(binaries, directory)
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)
