"""The artifacts that the end-of-call-report waits for.

A feature that makes an artifact (a recording, a transcript) calls ``expect`` while the call is
open. It calls ``resolve`` when the artifact exists or never will. After the call's reason is
settled, the last ``resolve`` sends the report. ARTIFACT_WAIT_SECONDS limits the wait.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.calls import record
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.reporting import server_messages
from app.store.again import one_transaction

TIMER = "report"


def expect(tx: CallTx, name: str) -> None:
    """Make the report wait for an artifact. The call must be locked; a settled call ignores it."""
    awaited = tx.call.facts.awaits
    if name not in awaited and tx.call.settled_at is None:
        tx.update(facts=tx.call.facts._replace(awaits=(*awaited, name)))


def is_pending(call: Call, name: str) -> bool:
    """Whether the artifact is expected and not resolved."""
    return name in call.facts.awaits


def resolve(tx: CallTx, name: str) -> None:
    """Stop waiting for an artifact. The last one of a settled call sends the report."""
    awaited = tx.call.facts.awaits
    if name not in awaited:
        return
    left = tuple(each for each in awaited if each != name)
    tx.update(facts=tx.call.facts._replace(awaits=left))
    if not left and tx.call.settled_at is not None:
        tx.context.jobs.cancel(tx.conn, f"{TIMER}:{tx.call.id}")
        server_messages.queue_report(tx)


def report(change: Change) -> None:
    """Send a settled call's report now, or start the timer if artifacts are pending."""
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


@one_transaction
def on_timeout(context: Context, payload: Mapping[str, str]) -> None:
    """Handler of the job: send the report without the pending artifacts."""
    with context.store.write() as conn:
        found = record.get(conn, payload["callId"], lock=True)
        if found is not None and found.settled_at is not None:
            server_messages.queue_report(CallTx(context, conn, found))
