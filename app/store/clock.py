"""The time that all machines of a deployment share: leases, timers and heartbeats are compared by it.

On PostgreSQL it is the database's. It is read at the start and with each heartbeat, and counted on
from there. What the clocks of the machines say changes nothing. On SQLite all processes are on one
machine, and it is the machine's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from app.store.connection import Connection
from app.store.prepared import Prepared
from app.store.schema import Time

STEP = timedelta(seconds=0.25)
"""A smaller difference from the database may be the network's, and is left."""
TOLERANCE = timedelta(seconds=1)
"""The log names a machine whose clock differs by more."""

log = logging.getLogger(__name__)

_micros = sa.func.floor(sa.extract("epoch", sa.func.clock_timestamp()) * 1_000_000)
_NOW = Prepared(sa.select(sa.type_coerce(sa.cast(_micros, sa.BigInteger), Time)))


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def uptime() -> float:
    """Seconds that no setting of the clock changes. On Linux they go on while a machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Clock:
    """The shared time. ``read``: opens a connection to PostgreSQL; None: the machine's time holds."""

    def __init__(self, read: Callable[[], AbstractContextManager[Connection]] | None) -> None:
        self._read = read
        self._base: tuple[datetime, float] | None = None
        """The database's time, and the uptime then."""
        self._told = False

    def now(self) -> datetime:
        """Before the first ``compare`` it is the machine's time."""
        if self._base is None:
            return utc_now()
        then, at = self._base
        return then + timedelta(seconds=uptime() - at)

    def compare(self) -> timedelta:
        """Go by the database's time. Returns how far the machine's is ahead. Raises its errors."""
        if self._read is None:
            return timedelta()
        with self._read() as conn:
            began = uptime()
            theirs: datetime = _NOW.scalar(conn, {})
            half = (uptime() - began) / 2
        ahead = utc_now() - theirs - timedelta(seconds=half)
        theirs_now = theirs + timedelta(seconds=half)
        if self._base is None or abs(theirs_now - self.now()) > STEP + timedelta(seconds=half):
            self._base = (theirs, began + half)
        self._tell(ahead)
        return ahead

    def _tell(self, ahead: timedelta) -> None:
        if abs(ahead) > TOLERANCE and not self._told:
            log.warning(told(ahead))
        self._told = abs(ahead) > TOLERANCE


def told(ahead: timedelta) -> str:
    """What an operator does about a machine whose clock is this far ahead of the database's."""
    where = "ahead of" if ahead > timedelta() else "behind"
    return (
        f"the clock of this machine is {abs(ahead.total_seconds()):.1f} s {where} the database's, "
        "whose time holds: set both by NTP, else the signatures of carriers may be refused here"
    )
