"""A database that cannot be used, as one sentence: what is wrong, what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exc

from app.store import faults

NOT_MIGRATED = "older than this program: run `patchbay db upgrade`"
MISSING_TABLE = "42P01"
"""PostgreSQL's code. SQLite has none, and says ``no such table``."""
ADVICE: Mapping[str, str] = {
    faults.NOT_REACHABLE: "check that PostgreSQL runs, DATABASE_URL, and the network",
    faults.NO_ANSWER: "check whether PostgreSQL is overloaded, and the network to it",
    faults.SQLITE[faults.SQLITE_BUSY]: "end the program that holds a transaction open",
    faults.SQLITE[
        faults.SQLITE_CANTOPEN
    ]: "check DATABASE_URL, and the owner of file and directory",
    faults.SQLITE[faults.SQLITE_NOTADB]: "check DATABASE_URL",
}
"""What to do beside what the sentence itself says."""
OTHERWISE = "see `A database that fails` in docs/operations.md"


def told(error: exc.SQLAlchemyError | OSError) -> str:
    """The sentence, without any value of a row."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}; check DATABASE_URL and its directory"
    if _lacks_table(error):
        return NOT_MIGRATED
    why = faults.sentence(error)
    return f"{why}; {ADVICE.get(why, OTHERWISE)}"


def _lacks_table(error: exc.SQLAlchemyError) -> bool:
    driver: Any = getattr(error, "orig", None)
    code = getattr(driver, "sqlstate", None)
    return code == MISSING_TABLE or str(driver).startswith("no such table")
