"""A real PostgreSQL for the suite: the one that is named, the system's, or pip's ``pgserver``."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.bridge import free_port

BINARIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
)
USER = "postgres"
START_SECONDS = 180
UNSAFE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # tables live for one test
    "checkpoint_timeout": "1h",
}
"""Faster, for data that nobody misses after a power cut."""
MOST_CONNECTIONS = 300
"""A bridge may have ten, and each worker of the suite has several bridges. The default is 100."""

MISSING = (
    "The suite needs a PostgreSQL: install one, or name one by TEST_DATABASE_URL. "
    "Python 3.13 has no pgserver, which brings one: https://github.com/orm011/pgserver/issues/7"
)


@contextmanager
def server(url: str | None = None, *, durable: bool = False) -> Iterator[str]:
    """A server's URL; a server that was started here is stopped and removed afterwards.

    ``durable``: with PostgreSQL's own defaults, as a bench wants them.
    """
    if url:
        yield url
        return
    directory = Path(tempfile.mkdtemp(prefix="patchbay-postgresql-"))
    try:
        binaries = _binaries()
        with _system(binaries, directory) if binaries else _packaged(directory) as started:
            if not durable:
                _hurry(started)
            yield started
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _hurry(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for name, value in UNSAFE.items():
            conn.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        conn.execute("SELECT pg_reload_conf()")


def _binaries() -> Path | None:
    """PostgreSQL refuses to run as root; as root we need its own user to run it as."""
    if os.geteuid() == 0 and not _user():
        return None
    found = [path for pattern in BINARIES for path in sorted(glob.glob(pattern), reverse=True)]
    on_path = shutil.which("initdb")
    candidates = [*found, str(Path(on_path).parent)] if on_path else found
    usable = [Path(path) for path in candidates if (Path(path) / "pg_ctl").exists()]
    return usable[0] if usable else None


def _user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None


@contextmanager
def _system(binaries: Path, directory: Path) -> Iterator[str]:
    data, port = directory / "data", free_port()
    as_user = {}
    if os.geteuid() == 0:
        os.chown(directory, _user().pw_uid, -1)  # type: ignore[union-attr]
        as_user = {"user": USER}
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {directory} -N {MOST_CONNECTIONS}"

    def run(*command: str) -> None:
        path = str(binaries / command[0])
        subprocess.run(
            [path, *command[1:]], check=True, cwd=directory, stdout=subprocess.DEVNULL, **as_user
        )  # type: ignore[call-overload]

    run("initdb", "-D", str(data), "-A", "trust", "-U", USER, "--no-sync", "-E", "UTF8")
    log = str(directory / "log")
    run(
        "pg_ctl", "-D", str(data), "-o", options, "-l", log, "-t", str(START_SECONDS), "-w", "start"
    )
    try:
        yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@contextmanager
def _packaged(directory: Path) -> Iterator[str]:
    """``pgserver`` opens the parents of its data directory to its own user: keep it in /tmp."""
    try:
        import pgserver
    except ImportError:
        raise SystemExit(MISSING) from None

    running = pgserver.get_server(directory / "data", cleanup_mode="delete")
    try:
        url = running.get_uri()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(f"ALTER SYSTEM SET max_connections = {MOST_CONNECTIONS}".encode())
        pgserver.pg_ctl(["-w", "restart"], running.pgdata, user=running.system_user)
        yield url
    finally:
        running.cleanup()
