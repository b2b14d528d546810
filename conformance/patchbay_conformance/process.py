"""A server that the kit has started itself: it may be stopped and killed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

LOOK_SECONDS = 0.05
STOP_SECONDS = 60.0


class NotStarted(Exception):
    """The command did not lead to a server that answers."""


class ServerProcess:
    """``command`` runs in a session of its own, so that a kill reaches all its processes.

    ``is_up`` asks whether it answers. Its output goes to ``log``, or to nowhere.
    """

    def __init__(
        self, command: str, is_up: Callable[[], bool], seconds: float, log: Path | None = None
    ) -> None:
        self._command = shlex.split(command)
        self._is_up = is_up
        self._seconds = seconds
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers. Raises ``NotStarted``."""
        with self._output() as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + self._seconds
        while not self._is_up():
            if self._process.poll() is not None:
                raise NotStarted(f"{self._command[0]} exited with {self._process.returncode}")
            if time.monotonic() > deadline:
                raise NotStarted(f"no answer within {self._seconds:g} s")
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """As a deploy does: SIGTERM, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """``kill -9`` of all its processes."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _output(self) -> IO[bytes]:
        return (self._log or Path(os.devnull)).open("ab")
