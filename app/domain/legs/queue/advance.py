"""A slot is free: the first of the line are called to it by the carrier's API, at once.

A leg whose account may not use the API comes with its next turn, which is short. A leg that misses
its turn is called, too. So one that is gone leaves the line, even if no callback said so.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from sqlalchemy.engine import Connection

from app.domain.calls import record, schedule, timer_jobs
from app.domain.calls.apply import Change, apply_events
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs.leg_at_carrier import leg_at_carrier
from app.domain.legs.queue import line
from app.store import accounts, capacity, queue
from app.store.engine import before_commit
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

JOB = "advance-queue"
AGAIN_SECONDS = 1.0
MOST = 200
"""Tickets that are called at once."""

log = logging.getLogger(__name__)


def freed(change: Change) -> None:
    """A call is over or goes elsewhere: it leaves the line, and its slot may be free."""
    if change.state.status is CallStatus.ENDED:
        line.ended(change)
    enqueue(change.tx.context, change.tx.conn)


def enqueue(context: Context, conn: Connection) -> None:
    """Queue the job at the end of the transaction, if a leg waits or may be about to.

    All calls share the job's row: a transaction that holds it waits for no other lock.
    """
    if context.settings.max_concurrent_calls:
        before_commit(conn, partial(_enqueue, context, conn))


def _enqueue(context: Context, conn: Connection) -> None:
    """A transaction that counts slots does not see this one's, and may yet insert a ticket."""
    if not capacity.try_lock_slots(conn) or queue.length(conn):
        context.jobs.enqueue(conn, JOB, JOB, {})


def run(context: Context, payload: JsonObject) -> None:
    """Handler of the job: call as many of the first as there are free slots.

    It waits for the legs that are entering the line.
    """
    with context.store.write() as conn:
        capacity.lock_slots(conn)
        free = context.settings.max_concurrent_calls - capacity.slots_in_use(conn)
        for ticket in queue.first(conn, min(max(free, 0), MOST)):
            call = record.get(conn, ticket.call_id)
            if call is not None and ticket.kind == queue.CALLBACK:
                timer_jobs.start_scheduled(CallTx(context, conn, call))
            elif call is not None:
                timer_jobs.call_waiting(CallTx(context, conn, call))


def look(context: Context, payload: JsonObject) -> None:
    """Handler of the job ``look-at-waiting``, when a leg has entered the line.

    It tells the operator if the API refuses us, and loads the carrier's SDK before it is needed.
    """
    with context.store.read() as conn:
        call = record.get(conn, payload["callId"])
        credential = accounts.get_credential(conn, call.credential_id) if call else None
    if call is not None:
        leg_at_carrier(context, call, credential)


def call_leg(context: Context, payload: JsonObject) -> float | None:
    """Handler of the job ``call-waiting``: let one leg ask for its next document now."""
    call_id = payload["callId"]
    with context.store.write() as conn:
        call, ticket = record.get(conn, call_id, lock=True), queue.get(conn, call_id)
        credential = accounts.get_credential(conn, call.credential_id) if call else None
        if call is None or ticket is None or ticket.kind != queue.LEG or credential is None:
            return None
        tx = CallTx(context, conn, call)
        if line.is_called(tx, ticket):
            return None
        client = _client(tx, credential)
        if client is not None:
            queue.mark_called(conn, call_id, context.now())
            schedule.stop(tx, schedule.QUEUE)
            schedule.start(tx, schedule.QUEUE, line.GRACE_SECONDS)  # if it does not ask
        url = line.wait_url(tx, line.CALLED)
    if client is not None:
        return _redirect(context, call, client, url)
    if context.now() >= ticket.turn_until + timedelta(seconds=line.GRACE_SECONDS):
        _gone(context, call_id)
    return None


def _client(tx: CallTx, credential: JsonObject) -> CarrierClient | None:
    """The API that may call the leg, if there is one."""
    try:
        return line.client(tx, credential)
    except (NotConfigured, WrongKey) as error:
        log.warning("call %s: it is not called to its slot: %s", tx.call.id, error)
        return None


def _redirect(context: Context, call: Call, client: CarrierClient, url: str) -> float | None:
    try:
        client.redirect(call.facts.leg_ref or "", url, api_url=call.facts.api_url)
    except CarrierError as error:
        if error.gone:
            _gone(context, call.id)
            return None
        log.warning("call %s: it was not called to its slot: %s", call.id, error)
        with context.store.write() as conn:
            queue.mark_called(conn, call.id, None)
        return None if error.permanent else AGAIN_SECONDS
    return None


def _gone(context: Context, call_id: str) -> None:
    """The caller has hung up, which no callback has said."""
    with context.store.write() as conn:
        call = record.get(conn, call_id, lock=True)
        if call is None or queue.get(conn, call_id) is None:
            return
        left = CallEvent(
            EventKind.LEG_ENDED,
            at=context.now(),
            key="queue.gone",
            source=call.provider,
            reason=EndedReason.CUSTOMER_ENDED_CALL,
            generic=True,
        )
        apply_events(CallTx(context, conn, call), [left])
