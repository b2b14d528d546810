"""What is made of a call after its end, and how long the end-of-call-report waits for it.

Whoever will bring something (a recording, a transcript) says so with ``expect`` while the call is
open, and ``resolve`` when it is there, or never will be. Once the call's reason is frozen its report
is sent when nothing is awaited any more, at the latest ARTIFACT_WAIT_SECONDS later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls.apply import Change
from app.domain.context import Context, Row
from app.domain.reporting import server_messages
from app.store import calls

TIMER = "report"
AWAITS = "awaits"
"""In ``resolved``: names of what is expected."""


def expect(conn: Connection, row: Row, name: str) -> None:
    """From now on the report waits for this. ``row`` must be held; a settled call's waits no more."""
    awaited = row["resolved"].get(AWAITS, [])
    if name not in awaited and row["settled_at"] is None:
        _write(conn, row, {**row["resolved"], AWAITS: [*awaited, name]})


def is_pending(row: Mapping[str, Any], name: str) -> bool:
    """Whether it is expected and has not come."""
    return name in row["resolved"].get(AWAITS, [])


def resolve(context: Context, conn: Connection, row: Row, name: str) -> None:
    """It is there, or never will be; of a settled call the last arrival sends the report."""
    awaited = row["resolved"].get(AWAITS, [])
    if name not in awaited:
        return
    left = [each for each in awaited if each != name]
    _write(conn, row, {**row["resolved"], AWAITS: left})
    if not left and row["settled_at"] is not None:
        context.jobs.cancel(conn, f"{TIMER}:{row['id']}")
        server_messages.queue_report(context, conn, row)


def report(change: Change) -> None:
    """The call's reason is frozen: its report now, or when all is there."""
    context, conn, row = change.context, change.conn, change.row
    if not row["resolved"].get(AWAITS) or not context.settings.artifact_wait_seconds:
        server_messages.queue_report(context, conn, row)
        return
    context.jobs.enqueue(
        conn,
        TIMER,
        f"{TIMER}:{row['id']}",
        {"callId": row["id"]},
        delay=context.settings.artifact_wait_seconds,
        lock=row["id"],
    )


def on_timeout(context: Context, payload: Mapping[str, Any]) -> None:
    """Handler of the job: the report goes without what has not come."""
    with context.store.write() as conn:
        found = calls.get(conn, payload["callId"], lock=True)
        if found is not None and found["settled_at"] is not None:
            server_messages.queue_report(context, conn, dict(found))


def _write(conn: Connection, row: Row, resolved: Mapping[str, Any]) -> None:
    calls.update(conn, row["id"], {"resolved": resolved})
    row["resolved"] = dict(resolved)
