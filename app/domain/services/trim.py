"""Retention of parts of calls: the carriers' own words, and the texts of server messages.

The call stays, with all that its state follows from. A cursor per part and organisation goes over
the calls in the order of their creation. So requests have no index to write for it. A step is one
short transaction, as in ``retention.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.services.retention import PAUSE_SECONDS, STEP_CALLS, STEP_SECONDS, SWEEP_SECONDS
from app.settings import Settings
from app.store import retention

SWEEP = "trim-old-calls"
"""Kind of the job."""
MARGIN = timedelta(days=4)
"""From a call's creation to the last attempt of its messages. No call is passed over before."""


class Part(NamedTuple):
    """A part that is cleared some days after a call."""

    name: str
    """Of its cursors."""
    setting: str
    days: Callable[[Settings], float]
    clear: Callable[[Connection, str], None]


PARTS = (
    Part(
        "event-bodies",
        "EVENT_BODY_RETENTION_DAYS",
        lambda settings: settings.event_body_retention_days,
        retention.clear_event_bodies,
    ),
    Part(
        "messages",
        "MESSAGE_RETENTION_DAYS",
        lambda settings: settings.message_retention_days,
        retention.clear_messages,
    ),
)


def before(context: Context, part: Part) -> datetime | None:
    """Calls created before this have lost the part. None: they keep it."""
    days = part.days(context.settings)
    return context.now() - timedelta(days=days) - MARGIN if days else None


def schedule_sweep(context: Context) -> None:
    """Queue the first sweep."""
    if any(before(context, part) for part in PARTS):
        with context.store.write() as conn:
            context.jobs.enqueue(conn, SWEEP, SWEEP, {})


def sweep(context: Context, payload: Mapping[str, object]) -> float | None:
    """Handler of the job ``SWEEP``: one step of each part. It runs again soon while there is more."""
    due = [(part, at) for part in PARTS if (at := before(context, part))]
    if not due:
        return None
    more = [_step(context, part, at) for part, at in due]
    return PAUSE_SECONDS if any(more) else SWEEP_SECONDS


def _step(context: Context, part: Part, at: datetime) -> bool:
    """Clear the part of the next calls. Returns whether there were any.

    A call that is not settled so long after its creation keeps the part.
    """
    with context.store.read() as conn:
        old = retention.untrimmed(conn, part.name, at, STEP_CALLS)
    if not old:
        return False
    with context.store.write() as conn:
        until = time.monotonic() + STEP_SECONDS
        for call in old:
            if call.settled_at is not None:
                part.clear(conn, call.id)
            if time.monotonic() >= until:
                break
        retention.set_cursor(conn, part.name, call)
    return True
