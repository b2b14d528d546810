"""A call's timers: whether one is set, and what happens when its time has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask

from app.domain.calls import record, timers
from app.domain.calls.record import CallTx
from app.domain.calls.timer_column import Timer
from app.store.schema import EPOCH
from app.wiring import Services


@dataclass(frozen=True)
class Waiting:
    """A timer that waits for its time."""

    seconds: float
    reattached: int | None


def waiting(app: Flask, timer: str, call_id: str) -> Waiting | None:
    """The call's timer of this name, if it is set."""
    services: Services = app.extensions["patchbay"]
    with services.store.read() as conn:
        call = record.get(conn, call_id)
    found = call.timers.get(timer) if call and call.timers else None
    if found is None:
        return None
    return Waiting((found.due - datetime.now(UTC)).total_seconds(), found.reattached)


def fire(app: Flask, timer: str, call_id: str, taken: Waiting | None = None) -> None:
    """Its time has come, even if it is not set. ``taken``: as it was set at an earlier time."""
    context = app.extensions["patchbay"].context
    with context.store.write() as conn:
        call = record.get(conn, call_id, lock=True)
        if call is not None:
            due = Timer(EPOCH, taken.reattached if taken else None)
            CallTx(context, conn, call).update(timers={**(call.timers or {}), timer: due})
    assert timers.fire_due(context, call_id) == (call is not None)
