"""``python -m tests.run``: types, the whole suite on SQLite, then what touches the store on PostgreSQL.

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
from pathlib import Path

import pytest

from tests.conftest import DATABASE_FILES
from tests.postgresql import server

WORKERS = ("-n", str(2 * (os.cpu_count() or 2)), "--dist", "worksteal")
"""Two per processor: tests wait for processes and sockets, and each worker reads all of them, 15 s.
Who is done takes from who is not, or the last minute would be one worker's."""
ALONE = ("--last-failed", "--last-failed-no-failures", "none")
KEPT = {"PYTHONDONTWRITEBYTECODE": ""}
"""What is compiled for the first run serves the second, and every server that a test starts."""


def main() -> int:
    given = os.environ.pop("TEST_DATABASE_URL", None)
    with tempfile.TemporaryDirectory() as directory:
        noted = Path(directory, "files")
        with _types() as judged:
            _compile()
            print("== the suite on SQLite", flush=True)
            status = _pytest(**{DATABASE_FILES: str(noted)})
            status = judged() or status
        if status:
            return status
        # The others need not be read again. Arguments may name parts of files, and are kept.
        files = [] if sys.argv[1:] else noted.read_text().splitlines()
    with server(given) as url:
        print(f"== what touches the store, on PostgreSQL ({url.rsplit('@')[-1]})", flush=True)
        return _pytest("-m", "database", *files, TEST_DATABASE_URL=url)


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


def _compile() -> None:
    """Compile the tests once, with pytest's assertions: or else every worker does, at once."""
    _run("--collect-only", *sys.argv[1:], output=subprocess.DEVNULL)  # the run itself tells faults


def _pytest(*arguments: str, **environ: str) -> int:
    """Run these tests. What fails beside others runs once more, alone, and is named either way."""
    status = _run(*WORKERS, *arguments, *sys.argv[1:], **environ)
    if status == pytest.ExitCode.TESTS_FAILED:
        print(
            "== what failed, once more and alone: if it passes, it depends on the load", flush=True
        )
        environ.pop(DATABASE_FILES, None)  # it has those of the whole run
        status = _run("-v", "-x", *ALONE, *arguments, *sys.argv[1:], **environ)
    return status


def _run(*arguments: str, output: int | None = None, **environ: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    env = {**os.environ, **KEPT, **environ}
    return subprocess.run(command, env=env, stdout=output, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
