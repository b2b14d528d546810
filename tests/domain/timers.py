"""A call's timers: whether one is set, and what happens when its time has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.domain.calls import timers
from app.store.schema import jobs
from app.wiring import Services

_WAITING = sa.text(
    "SELECT args, extract(epoch FROM scheduled_at - clock_timestamp()) FROM procrastinate_jobs"
    " WHERE queueing_lock = :key AND status = 'todo'"
)


@dataclass(frozen=True)
class Waiting:
    """A timer's job that waits for its time."""

    seconds: float
    payload: Mapping[str, Any]


def waiting(app: Flask, timer: str, call_id: str) -> Waiting | None:
    """The call's timer of this name, if it is set."""
    services: Services = app.extensions["patchbay"]
    key = f"{timer}:{call_id}"
    with services.store.read() as conn:
        if not services.store.is_sqlite:
            row = conn.execute(_WAITING, {"key": key}).first()
            return Waiting(float(row[1]), row[0]["payload"]) if row else None
        found = conn.execute(sa.select(jobs.c.due, jobs.c.payload).where(jobs.c.key == key)).first()
    return (
        Waiting((found.due - datetime.now(UTC)).total_seconds(), found.payload) if found else None
    )


def fire(app: Flask, timer: str, call_id: str, taken: Waiting | None = None) -> None:
    """Its time has come; ``taken``: as the engine took it, whatever has happened since."""
    payload = taken.payload if taken else {"timer": timer, "callId": call_id}
    timers.fire(app.extensions["patchbay"].context, payload)
