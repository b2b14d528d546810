"""``python -m tests.run``: types, the whole suite on SQLite, then what is of the store on PostgreSQL.

mypy works for most of a minute on one processor: it runs while the suite does, and is heard then.

Arguments are handed to pytest. TEST_DATABASE_URL names a PostgreSQL server to use; without it
one is started from the system's binaries, or from the pip package ``pgserver``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.postgresql import server

COUNT = 3 * (os.cpu_count() or 2)
"""Three per processor: half of the suite's time is waiting for processes and sockets."""
WORKERS = ("--workers", str(COUNT)) if sys.platform == "linux" else ("-n", str(COUNT))
"""Elsewhere a process that is forked cannot use all of its system, and each imports by itself."""
KEPT = {"PYTHONDONTWRITEBYTECODE": ""}
"""What is compiled for the suite serves every server that a test starts."""


def main() -> int:
    given = os.environ.pop("TEST_DATABASE_URL", None)
    with server(given) as url, _types() as judged:
        if sys.platform == "linux":
            status = _pytest("--postgresql", url)
        else:
            status = _pytest() or _pytest("-m", "database", TEST_DATABASE_URL=url)
        return judged() or status


@contextmanager
def _types() -> Iterator[Callable[[], int]]:
    """mypy, under way. What it yields waits for it, prints what it says and returns its status."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen([sys.executable, "-m", "mypy"], stdout=said, stderr=said) as process,
    ):

        def judged() -> int:
            status = process.wait()
            said.seek(0)
            print(f"== types\n{said.read()}", end="", flush=True)
            return status

        try:
            yield judged
        finally:
            process.kill()


def _pytest(*arguments: str, **environ: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *WORKERS, *arguments, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, **KEPT, **environ}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
