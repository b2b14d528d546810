"""``patchbay db size``: what the database keeps, and what retention would still delete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.services import trim
from app.store import recordings, retention, sizes

LIMIT = 100_000
"""No more calls or recordings are counted for a row."""


def report(context: Context) -> Iterator[str]:
    """The lines, one after the other: the count of a large table takes a while."""
    with context.store.read() as conn:
        yield f"{'table':<24}{'rows':>12}{'bytes':>16}{'a row':>8}  oldest row"
        counted = {}
        for each in sizes.tables(conn):
            counted[each.table] = each.rows
            yield _line(each)
        whole, calls = sizes.whole(conn), counted["calls"]
        yield f"{'database':<24}{'':>12}{whole:>16,}"
        if calls:
            yield f"{whole // calls:,} bytes a call, over {calls:,} calls"
        yield ""
        yield from _kept(context, conn)


def _line(each: sizes.Size) -> str:
    size = "unknown" if each.size is None else f"{each.size:,}"
    of_row = "" if not (each.rows and each.size) else f"{each.size // each.rows:,}"
    oldest = each.oldest.date().isoformat() if each.oldest else ""
    return f"{each.table:<24}{each.rows:>12,}{size:>16}{of_row:>8}  {oldest}".rstrip()


def _kept(context: Context, conn: Connection) -> Iterator[str]:
    settings, now = context.settings, context.now()
    for part in trim.PARTS:
        at, days = trim.before(context, part), part.days(settings)
        count = retention.count_untrimmed(conn, part.name, at) if at else 0
        yield _retention(part.setting, days, f"to clear in {count:,} calls")
    days = settings.call_retention_days
    old = retention.settled_before(conn, now - timedelta(days=days), LIMIT) if days else []
    yield _retention("CALL_RETENTION_DAYS", days, f"to delete: {_most(len(old))} calls")
    days = settings.recording_retention_days
    files = recordings.stored_before(conn, now - timedelta(days=days), LIMIT) if days else []
    told = f"to delete: {_most(len(files))} recordings"
    yield _retention("RECORDING_RETENTION_DAYS", days, told)


def _retention(setting: str, days: float, told: str) -> str:
    return f"{setting}={days:g}: {told if days else 'kept for ever'}"


def _most(count: int) -> str:
    return f"{count:,}" if count < LIMIT else f"{LIMIT:,} or more"
