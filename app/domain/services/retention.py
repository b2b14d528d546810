"""Retention: calls that ended more than CALL_RETENTION_DAYS ago are deleted.

Each is deleted as ``DELETE /call/{id}`` does it, with its messages, even undelivered ones. A step
is one short transaction, so that requests need not wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta

from app.domain.calls import record
from app.domain.context import Context
from app.domain.services.calls import CallService
from app.store import retention

SWEEP = "erase-old-calls"
"""Kind of the job."""
SWEEP_SECONDS = 3600.0
STEP_CALLS, STEP_SECONDS = 100, 0.01
"""The most calls of one transaction, and the time after which it takes no further one."""
PAUSE_SECONDS = 0.1


def schedule_sweep(context: Context) -> None:
    """Queue the first sweep of old calls."""
    if context.settings.call_retention_days:
        with context.store.write() as conn:
            context.jobs.enqueue(conn, SWEEP, SWEEP, {})


def sweep(service: CallService, payload: Mapping[str, object]) -> float | None:
    """Handler of the job ``SWEEP``: one step. It runs again soon while there are more."""
    context = service.context
    days = context.settings.call_retention_days
    if not days:
        return None
    with context.store.read() as conn:
        before = context.now() - timedelta(days=days)
        old = retention.settled_before(conn, before, STEP_CALLS)
    if not old:
        return SWEEP_SECONDS
    with context.store.write() as conn:
        until = time.monotonic() + STEP_SECONDS
        for call_id in old:
            found = record.get(conn, call_id, lock=True)
            if found is not None:
                service.erase(conn, found)
            if time.monotonic() >= until:
                break
    return PAUSE_SECONDS
