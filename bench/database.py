"""The database of a bench: a file of SQLite, or a PostgreSQL of its own with its own defaults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.serving import family_cpu
from tests.postgresql import server


@dataclass(frozen=True)
class Database:
    """``url`` None: the SQLite file of the bridge, whose work is done by the bridge itself."""

    url: str | None = None
    pid: int = 0
    """PostgreSQL's first process; its children serve a connection each."""

    @property
    def name(self) -> str:
        return "PostgreSQL, its defaults" if self.url else "SQLite, synchronous=FULL"

    @property
    def cpu(self) -> float:
        """Processor seconds so far that are not the bridge's."""
        return family_cpu(self.pid) if self.pid else 0.0

    @property
    def wal(self) -> tuple[int, int]:
        """Bytes and syncs of the write-ahead log so far. SQLite does not count them."""
        if not self.url:
            return 0, 0
        with psycopg.connect(self.url) as conn:
            found = conn.execute("SELECT wal_bytes, wal_sync FROM pg_stat_wal").fetchone()
        assert found is not None
        return int(found[0]), int(found[1])


@contextmanager
def database(*, postgresql: bool) -> Iterator[Database]:
    """A new database, gone afterwards."""
    if not postgresql:
        yield Database()
        return
    with server(durable=True) as url:
        with psycopg.connect(url) as conn:
            backend = conn.info.backend_pid
            status = Path(f"/proc/{backend}/status").read_text().split()
        yield Database(url, int(status[status.index("PPid:") + 1]))
