"""The jobs of a warm transfer, queued in the transaction of their cause.

``operator_call.py`` and ``caller_back.py`` have their handlers.
"""

from __future__ import annotations

from app.domain.assistant import transfer_plan
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import CallTx
from app.domain.legs import warm_steps
from app.domain.legs.warm_steps import Step

DIAL = "dial-operator"
WATCH = "watch-transfer"
HANG_UP = "hang-up-operator"
BACK = "caller-back"
"""Kinds of jobs."""


def dial(tx: CallTx, pending: PendingForward) -> None:
    """Dial the operator after the commit."""
    key, lock = f"{DIAL}:{pending.id}", f"leg:{tx.call.id}"
    payload = {"callId": tx.call.id, "forward": pending.id}
    tx.context.jobs.enqueue(tx.conn, DIAL, key, payload, lock=lock)


def watch(tx: CallTx, pending: PendingForward, step: Step) -> None:
    """Look at the transfer once this step has taken its longest time."""
    plan = transfer_plan.read(pending.destination)
    seconds = warm_steps.longest(step, plan, pending.briefing or "")
    if seconds is not None:
        key = f"{WATCH}:{pending.id}:{step}"
        payload = {"callId": tx.call.id, "forward": pending.id, "step": step}
        tx.context.jobs.enqueue(tx.conn, WATCH, key, payload, delay=seconds)


def hang_up(tx: CallTx, forward_id: str) -> None:
    """Hang up the operator's leg, if the carrier has named it."""
    payload = {"callId": tx.call.id, "forward": forward_id}
    tx.context.jobs.enqueue(tx.conn, HANG_UP, f"{HANG_UP}:{forward_id}", payload)


def bring_back(tx: CallTx) -> None:
    """Take the caller out of the room."""
    key, lock = f"{BACK}:{tx.call.id}", f"leg:{tx.call.id}"
    tx.context.jobs.enqueue(tx.conn, BACK, key, {"callId": tx.call.id}, lock=lock)
