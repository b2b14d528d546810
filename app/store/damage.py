"""What follows when SQLite reads a damaged page: the process stops, and its next start checks.

Pages of the write-ahead log have checksums. SQLite compares them only when a first process opens
the file. Until then a checkpoint would copy damage into the database. The end of the last
connection makes one. What is committed meanwhile lies behind the damage, and is lost. So nothing is
stored any more, no connection is closed, and the process ends.

The next start leaves out the log from its first damaged page on, or all of it. It says what may be
lost with that. It refuses to start if neither leaves a whole database.
https://www.sqlite.org/fileformat2.html#the_write_ahead_log https://www.sqlite.org/uri.html
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from app.store.faults import CORRUPT, StoreFailed

READ, WITHOUT_LOG = "mode=ro", "mode=ro&immutable=1"
"""Neither way of opening the file changes it, nor copies anything into it."""
LOST = (
    "the database was damaged at %s: it is whole again without %s. Changes of the last seconds "
    "before are lost, though they were acknowledged: compare the calls with your carriers' lists"
)
HOPELESS = "the database file is damaged: stop, restore the backup without its -wal, start"
END, WHOLE_LOG = "the damaged end of its log", "its log, which is kept as %s"

_TABLES = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT wr"

log = logging.getLogger(__name__)


def tables(raw: sqlite3.Connection) -> list[str]:
    """The tables whose rows are numbered in the order of their insertion."""
    return [name for (name,) in raw.execute(_TABLES)]


def newest(raw: sqlite3.Connection, table: str) -> int:
    """Read the table's last row, and return its number. Raises SQLite's error."""
    statement = f'SELECT rowid, * FROM "{table}" ORDER BY rowid DESC LIMIT 1'  # noqa: S608 - our own
    found = raw.execute(statement).fetchone()
    return int(found[0]) if found else 0


class Damaged(StoreFailed):
    """The file cannot be used any more."""


class Damage:
    """What is known of the damage of one file of SQLite. Any thread may report it."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._marker = Path(f"{database}.damaged")
        """Its time is that of the damage."""
        self._lock = threading.Lock()
        self.is_seen = False
        self.stop: Callable[[], None] = lambda: None
        """Ends the process. Set by who serves."""

    def report(self) -> None:
        """Note that a page is damaged, and stop the process."""
        with self._lock:
            if self.is_seen:
                return
            self.is_seen = True
        with suppress(OSError):
            self._marker.touch(0o600)
        log.critical("the process stops: %s", CORRUPT)
        self.stop()

    def refuse(self) -> None:
        """Raise ``Damaged`` once a page was damaged."""
        if self.is_seen:
            raise Damaged(CORRUPT)

    def check(self) -> None:
        """Before the first use: if it was damaged, use what is whole. Raises ``Damaged``."""
        if not self._marker.exists():
            return
        if self._database.exists():
            at = datetime.fromtimestamp(self._marker.stat().st_mtime, UTC)
            log.error(LOST, at.isoformat(timespec="seconds"), self._repaired())
        self._marker.unlink(missing_ok=True)

    def _repaired(self) -> str:
        """Keep what is whole and has more rows. Returns what is left out. Raises ``Damaged``.

        Damage in a part that was copied already leaves a log that is older than the file.
        """
        with_log, without = self._rows(READ), self._rows(WITHOUT_LOG)
        if with_log is None and without is None:
            raise Damaged(HOPELESS)
        if with_log is not None and with_log >= (without or 0):
            return END
        return WHOLE_LOG % self._put_aside()

    def _rows(self, mode: str) -> int | None:
        """How many rows were ever inserted, about; None: the file is not whole."""
        uri = f"{self._database.absolute().as_uri()}?{mode}"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as raw:
                if raw.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
                    return None
                return sum(newest(raw, table) for table in tables(raw))
        except sqlite3.Error:
            return None

    def _put_aside(self) -> Path:
        kept = Path(f"{self._database}-wal.damaged")
        Path(f"{self._database}-wal").rename(kept)
        Path(f"{self._database}-shm").unlink(missing_ok=True)
        return kept
