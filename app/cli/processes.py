"""A bridge that a command starts in processes of its own, on a loopback port."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import urllib3

# The ``patchbay`` command, wherever it is installed. Its arguments follow.
PATCHBAY = (sys.executable, "-c", "from app.cli.main import main; main()")
# For ``serve``: what goes well is not told.
QUIET = {"GUNICORN_CMD_ARGS": "--log-level warning"}
# For a process that is told to stop; its calls end before.
STOP_SECONDS = 40.0
# Between two looks, and for one.
LOOK_SECONDS, ANSWER_SECONDS = 0.05, 5.0


def end_by_sigterm() -> None:
    """Let SIGTERM end this command as Ctrl-C does: a CI's limit leaves no bridge behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def becomes_ready(url: str, process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for ``/readyz``. False: the process has ended, or the time has passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib3.exceptions.HTTPError):
            ready = urllib3.request("GET", f"{url}/readyz", retries=False, timeout=ANSWER_SECONDS)
            if ready.status == 200:
                return True
        time.sleep(LOOK_SECONDS)
    return False


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")  # Linux
    if listed.exists():
        return [int(each) for each in listed.read_text().split()]
    command = ["ps", "-A", "-o", "pid=,ppid="]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in table.splitlines())
    return [int(own) for own, parent in rows if int(parent) == pid]
