"""Timers that are jobs: those of calls that the version before created, until they are over.

The column ``timers`` of such a call is NULL. Its timers stay jobs, so that a change still stops
and restarts the ones that wait.
"""

from __future__ import annotations

from app.domain.calls.record import CallTx

KIND, WATCHDOG, START_SCHEDULED = "timer", "watchdog", "start-scheduled"
STOPPED, CALL_WAITING, LOOK_AT_WAITING = "stopped", "call-waiting", "look-at-waiting"
"""Kinds of jobs."""


def start(tx: CallTx, timer: str, delay: float, reattached: int | None = None) -> None:
    if timer == WATCHDOG:
        reconcile(tx, delay)
        return
    call_id = tx.call.id
    payload = {"timer": timer, "callId": call_id}
    more = {} if reattached is None else {"reattached": reattached}
    key = f"{timer}:{call_id}"
    tx.context.jobs.enqueue(tx.conn, KIND, key, {**payload, **more}, delay=delay, lock=call_id)


def stop(tx: CallTx, timer: str) -> None:
    tx.context.jobs.cancel(tx.conn, f"{timer}:{tx.call.id}")


def start_scheduled(tx: CallTx) -> None:
    """Queue the job that lets a scheduled call be dialled (``legs/scheduled.py``)."""
    call_id = tx.call.id
    key, lock = f"{START_SCHEDULED}:{call_id}", f"leg:{call_id}"
    tx.context.jobs.enqueue(tx.conn, START_SCHEDULED, key, {"callId": call_id}, lock=lock)


def reconcile(tx: CallTx, delay: float = 0.0) -> None:
    """Queue the job that asks the carrier about a quiet call (``legs/reconcile.py``).

    All calls use it: the thread that fires timers must not wait for a carrier.
    """
    call_id = tx.call.id
    key, lock = f"{WATCHDOG}:{call_id}", f"leg:{call_id}"
    payload = {"callId": call_id}
    tx.context.jobs.enqueue(tx.conn, WATCHDOG, key, payload, delay=delay, lock=lock)


def ask_about_stop(tx: CallTx) -> None:
    """Queue the job that asks what became of a leg without a stream (``legs/stopped.py``)."""
    call_id = tx.call.id
    key, lock = f"{STOPPED}:{call_id}", f"leg:{call_id}"
    tx.context.jobs.enqueue(tx.conn, STOPPED, key, {"callId": call_id}, lock=lock)


def call_waiting(tx: CallTx) -> None:
    """Queue the job that calls a leg to its slot (``legs/queue/advance.py``)."""
    call_id = tx.call.id
    key = f"{CALL_WAITING}:{call_id}"
    tx.context.jobs.enqueue(tx.conn, CALL_WAITING, key, {"callId": call_id})


def look_at_waiting(tx: CallTx) -> None:
    """Queue the job that asks the carrier about a leg that has begun to wait."""
    call_id = tx.call.id
    tx.context.jobs.enqueue(
        tx.conn, LOOK_AT_WAITING, f"{LOOK_AT_WAITING}:{call_id}", {"callId": call_id}
    )
