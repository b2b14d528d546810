"""Forgets what was said in a call whose assistant keeps no record, once its messages are delivered.

The words are needed until then: the end-of-call report has them, and must outlive a crash. After the
job nothing of them is in the call, its messages, commands, events and owner's callbacks. SQLite's files
have none of them either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.assistant import compliance
from app.domain.calls import record
from app.domain.calls.apply import Change
from app.domain.calls.facts import PendingForward
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.resources import structured_outputs
from app.store import commands, messages, owner_callbacks, retention
from app.store.engine import after_commit

JOB = "forget-words"
"""Kind of the job."""
FIRST_SECONDS, AGAIN_SECONDS = 5.0, 15.0
"""From the end to the first look, and between two looks."""
PATIENCE = timedelta(minutes=2)
"""How long after its own limit an artifact may come that the report did not wait for."""


def begin(change: Change) -> None:
    """The reaction to a settled call."""
    again(change.tx)


def again(tx: CallTx) -> None:
    """Queue the job for a settled call, which may have new words."""
    if tx.call.facts.assistant.keeps_no_record and tx.call.settled_at is not None:
        key = f"{JOB}:{tx.call.id}"
        payload = {"callId": tx.call.id}
        tx.context.jobs.enqueue(tx.conn, JOB, key, payload, delay=FIRST_SECONDS)


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job: seconds until it looks again, or None."""
    with context.store.write() as conn:
        call = record.get(conn, payload["callId"], lock=True)
        if call is None:
            return None
        if _is_sent_on(conn, call.id) or _still_awaits(context, call):
            return AGAIN_SECONDS
        tx = CallTx(context, conn, call)
        _forget(tx)
        after_commit(conn, context.store.drop_log)
    return None


def _is_sent_on(conn: Connection, call_id: str) -> bool:
    """Whether a server still has to get some of it: the client's, or that of the flow's owner."""
    sent = messages.count_pending(conn, call_id) or owner_callbacks.count_pending(conn, call_id)
    return bool(sent)


def _still_awaits(context: Context, call: Call) -> bool:
    if not call.facts.awaits or call.settled_at is None:
        return False
    limit = timedelta(seconds=context.settings.artifact_wait_seconds) + PATIENCE
    return context.now() < call.settled_at + limit


def _forget(tx: CallTx) -> None:
    call, conn = tx.call, tx.conn
    defined, _ = structured_outputs.of_call(
        tx.context, conn, call.id, call.org_id, call.active_assistant_id, call.facts.assistant
    )
    kept = frozenset(each.id for each in defined if each.is_always_kept)
    facts = call.facts._replace(spoken=None, forward=_without_words(call.facts.forward))
    tx.update(body=compliance.without_words(call.body, kept), facts=facts)
    messages.forget_words(conn, call.id)
    commands.delete(conn, call.id)
    retention.clear_event_bodies(conn, call.id)
    owner_callbacks.forget(conn, call.id)


def _without_words(forward: PendingForward | None) -> PendingForward | None:
    if forward is None:
        return None
    place = compliance.place_of(forward.destination)
    return replace(forward, destination=place, message=None, briefing=None)
