"""``python -m tests.run``: the whole suite on SQLite, then what touches the store on PostgreSQL.

Arguments are handed to pytest. TEST_DATABASE_URL names a PostgreSQL server to use; without it
one is started from the system's binaries, or from the pip package ``pgserver``.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.postgresql import server

WORKERS = ("-n", str(2 * (os.cpu_count() or 2)), "--dist", "worksteal")
"""Two per processor: half of the suite's time is waiting for processes and sockets. Who is done
takes from who is not, or the last minute would be one worker's."""


def main() -> int:
    given = os.environ.pop("TEST_DATABASE_URL", None)
    print("== the suite on SQLite", flush=True)
    status = _pytest()
    if status:
        return status
    with server(given) as url:
        print(f"== what touches the store, on PostgreSQL ({url.rsplit('@')[-1]})", flush=True)
        return _pytest("-m", "database", TEST_DATABASE_URL=url)


def _pytest(*arguments: str, **environ: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *WORKERS, *arguments, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, **environ}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
