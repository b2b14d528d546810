"""A leg whose call is known now: what was said about it before is read once more."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.store import owner_callbacks

BIND = "bind-owner-callbacks"
"""Kind of the job (``services/owner_callbacks.py``)."""


def look_back(
    context: Context, conn: Connection, provider: str, leg_ref: str, call_ref: str
) -> None:
    """Have the requests read that came before this leg or conversation led to a call."""
    for lane in owner_callbacks.lanes_of(conn, provider, leg_ref, call_ref):
        enqueue(context, conn, lane)


def enqueue(context: Context, conn: Connection, lane: str, delay: float = 0.0) -> None:
    context.jobs.enqueue(conn, BIND, f"{BIND}:{lane}", {"lane": lane}, delay=delay)
