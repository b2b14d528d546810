"""What is made of a call after its end, and how long the end-of-call-report waits for it.

Whoever will bring something (a recording, a transcript) says so with ``expect`` while the call is
open, and ``resolve`` when it is there, or never will be. Once the call's reason is frozen its report
is sent when nothing is awaited any more, at the latest ARTIFACT_WAIT_SECONDS later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.domain.calls import record
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.reporting import server_messages

TIMER = "report"


def expect(tx: CallTx, name: str) -> None:
    """From now on the report waits for this. The call must be held; a settled call's waits no more."""
    awaited = tx.call.facts.awaits
    if name not in awaited and tx.call.settled_at is None:
        tx.update(facts=replace(tx.call.facts, awaits=(*awaited, name)))


def is_pending(call: Call, name: str) -> bool:
    """Whether it is expected and has not come."""
    return name in call.facts.awaits


def resolve(tx: CallTx, name: str) -> None:
    """It is there, or never will be; of a settled call the last arrival sends the report."""
    awaited = tx.call.facts.awaits
    if name not in awaited:
        return
    left = tuple(each for each in awaited if each != name)
    tx.update(facts=replace(tx.call.facts, awaits=left))
    if not left and tx.call.settled_at is not None:
        tx.context.jobs.cancel(tx.conn, f"{TIMER}:{tx.call.id}")
        server_messages.queue_report(tx)


def report(change: Change) -> None:
    """The call's reason is frozen: its report now, or when all is there."""
    tx = change.tx
    if not tx.call.facts.awaits or not tx.context.settings.artifact_wait_seconds:
        server_messages.queue_report(tx)
        return
    tx.context.jobs.enqueue(
        tx.conn,
        TIMER,
        f"{TIMER}:{tx.call.id}",
        {"callId": tx.call.id},
        delay=tx.context.settings.artifact_wait_seconds,
        lock=tx.call.id,
    )


def on_timeout(context: Context, payload: Mapping[str, str]) -> None:
    """Handler of the job: the report goes without what has not come."""
    with context.store.write() as conn:
        found = record.get(conn, payload["callId"], lock=True)
        if found is not None and found.settled_at is not None:
            server_messages.queue_report(CallTx(context, conn, found))
