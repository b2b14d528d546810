"""What is wrong with the database, in a sentence for the operator, by the driver's error.

No sentence holds a value: those of a row come after DETAIL in PostgreSQL's own words.
https://www.sqlite.org/rescode.html https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import exc

SQLITE_BUSY, SQLITE_LOCKED = 5, 6
SQLITE_CORRUPT, SQLITE_CANTOPEN, SQLITE_NOTADB = 11, 14, 26

NOT_REACHABLE = "not reachable"
NO_ANSWER = "does not answer in time"
REPLACED = (
    "the database file or its -wal file was deleted or replaced: put the files back, or restart"
)
CORRUPT = (
    "the database file is damaged: the next start of the server leaves out what is damaged, or says "
    "that it needs the backup"
)

CIRCLE = "two transactions waited for each other"

# By the primary result code, the lower 8 bits.
SQLITE: Mapping[int, str] = {
    SQLITE_BUSY: "locked by another process",
    SQLITE_LOCKED: "locked by another process",
    8: "read-only: give the user of this process write permission to file and directory",
    10: "the disk reports errors",
    SQLITE_CORRUPT: CORRUPT,
    13: "the disk is full",
    SQLITE_CANTOPEN: "the database file cannot be opened",
    SQLITE_NOTADB: CORRUPT,
}
POSTGRESQL: Mapping[str, str] = {
    "25006": "read-only: this server is a standby",
    "28000": "refuses the user of DATABASE_URL",
    "28P01": "refuses the password of DATABASE_URL",
    "3D000": "has no database of the name in DATABASE_URL",
    "53100": "the disk is full",
    "53200": "out of memory",
    "53300": "has no free connection: too many clients",
    "55P03": "a lock is held for too long",
    "57014": NO_ANSWER,
    "57P01": "shuts down",
    "57P02": "shuts down",
    "57P03": "starts up",
    "58030": "the disk reports errors",
    "XX001": "the database is damaged: restore the backup",
    "XX002": "the database is damaged: restore the backup",
}
UNDONE = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock."""
OUR_MISTAKES = (exc.IntegrityError, exc.DataError, exc.ProgrammingError)
"""Errors that say that a statement was wrong. The same one would fail again."""


class StoreFailed(exc.SQLAlchemyError):
    """The database cannot be used now. The text is a sentence for the operator."""


OUTAGES = (StoreFailed, exc.DBAPIError, exc.TimeoutError)


class FileReplaced(StoreFailed):
    """The file that was opened is no longer the one at its path."""

    def __init__(self) -> None:
        super().__init__(REPLACED)


class TimedOut(StoreFailed):
    """The wait for the database was too long."""

    def __init__(self, why: str = NO_ANSWER) -> None:
        super().__init__(why)


class Deadlocked(StoreFailed):
    """The database has undone this transaction, because another waited for it. Try it again."""

    def __init__(self) -> None:
        super().__init__(CIRCLE)


class Undone(StoreFailed):
    """A block went on after an error of the database, which has undone its transaction."""

    def __init__(self) -> None:
        super().__init__("a statement failed, and with it its transaction")


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL has undone the transaction for the sake of another."""
    driver = getattr(error, "orig", None) or error
    return isinstance(error, Deadlocked) or getattr(driver, "sqlstate", None) in UNDONE


def sentence(error: BaseException) -> str:
    """What is wrong with the database."""
    if isinstance(error, StoreFailed):
        return str(error)
    if isinstance(error, exc.TimeoutError):
        return NO_ANSWER
    driver: Any = getattr(error, "orig", None) or error
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", None) or 0
        return SQLITE.get(code & 0xFF, f"fails: {type(driver).__name__}")
    name = type(driver).__name__
    if not hasattr(driver, "sqlstate"):
        return f"fails: {name}"
    if driver.sqlstate is not None:
        return POSTGRESQL.get(driver.sqlstate, f"fails: {driver.sqlstate}")
    return NO_ANSWER if "Timeout" in name else NOT_REACHABLE


def is_outage(error: BaseException) -> bool:
    """Whether the database failed, rather than one statement or transaction."""
    return may_pass(error) and not is_deadlock(error)


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later."""
    return isinstance(error, OUTAGES) and not isinstance(error, OUR_MISTAKES)


def is_damage(error: BaseException) -> bool:
    """Whether SQLite read a page that is damaged."""
    driver = getattr(error, "orig", None) or error
    code = getattr(driver, "sqlite_errorcode", None) or 0
    return code & 0xFF in (SQLITE_CORRUPT, SQLITE_NOTADB)


def is_busy(error: BaseException) -> bool:
    """Whether SQLite was kept out by another connection's lock."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)


def without_detail(error: Exception) -> None:
    """Leave the first line of PostgreSQL's message: DETAIL and CONTEXT show values of rows."""
    if error.args and isinstance(error.args[0], str) and "\n" in error.args[0]:
        error.args = (error.args[0].partition("\n")[0], *error.args[1:])
