"""A slot is free: the first of the line are called to it by the carrier's API, at once.

A leg whose account may not use the API comes with its next turn, which is short. A leg that misses
its turn is called, too. So one that is gone leaves the line, even if no callback said so.
"""

from __future__ import annotations

import logging

from sqlalchemy.engine import Connection

from app.domain.calls import record, schedule, timer_jobs
from app.domain.calls.apply import Change, apply_events
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.legs.leg_at_carrier import leg_at_carrier
from app.domain.legs.queue import line, wake
from app.store import accounts, capacity, queue
from app.store.again import one_transaction
from app.store.queue import Ticket
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

AGAIN_SECONDS = 1.0
MOST = 200
"""Tickets that are called at once."""

log = logging.getLogger(__name__)


def start(context: Context) -> None:
    """The settings may have changed: call legs to new slots. Tickets of ended calls are deleted."""
    with context.store.write() as conn:
        queue.remove_ended(conn)
        wake.enqueue(context, conn)


def freed(change: Change) -> None:
    """A call is over or goes elsewhere: it leaves the line, and its slot may be free."""
    if change.state.status is CallStatus.ENDED:
        line.ended(change)
    wake.enqueue(change.tx.context, change.tx.conn)


@one_transaction
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
    with context.store.write() as conn:
        found = _waiting(context, conn, payload["callId"])
        client = _begin(*found) if found else None
        if found is None or client is None:
            return None
        call, url = found[0].call, line.wait_url(found[0], line.CALLED)
    try:
        client.redirect(call.facts.leg_ref or "", url, api_url=call.facts.api_url)
    except CarrierError as error:
        return _not_called(context, call.id, error)
    except NotConfigured as error:  # a key that cannot be read is read at the first request
        return _not_called(context, call.id, CarrierError(str(error), permanent=True))
    return None


def _waiting(context: Context, conn: Connection, call_id: str) -> tuple[CallTx, Ticket] | None:
    """A leg in the line, whose call is locked. None: it has left the line."""
    call, ticket = record.get(conn, call_id, lock=True), queue.get(conn, call_id)
    if call is None or ticket is None or ticket.kind != queue.LEG:
        return None
    return CallTx(context, conn, call), ticket


def _begin(tx: CallTx, ticket: Ticket) -> CarrierClient | None:
    """Begin to call a leg: the API that does it, if there is one. Without one a missing leg is gone.

    The timer starts again in any case: a leg in the line is never left without one.
    """
    if line.is_called(tx, ticket):
        schedule.start(tx, schedule.QUEUE, line.GRACE_SECONDS)
        return None
    try:
        client = line.client(tx, accounts.get_credential(tx.conn, tx.call.credential_id))
    except (NotConfigured, WrongKey) as error:
        log.warning("call %s: it is not called to its slot: %s", tx.call.id, error)
        client = None
    left = line.seconds_left(tx, ticket)
    if client is not None:
        queue.mark_called(tx.conn, tx.call.id, tx.context.now())
        schedule.stop(tx, schedule.QUEUE)
        schedule.start(tx, schedule.QUEUE, line.GRACE_SECONDS)  # if it does not ask
    elif left > 0:
        schedule.start(tx, schedule.QUEUE, left)
    else:
        _end(tx)
    return client


@one_transaction
def _not_called(context: Context, call_id: str, error: CarrierError) -> float | None:
    """The API could not call the leg: it is called again soon, or it is gone."""
    with context.store.write() as conn:
        found = _waiting(context, conn, call_id)
        if found is None:
            return None
        tx, ticket = found
        if error.gone or (error.permanent and line.seconds_left(tx, ticket) <= 0):
            _end(tx)
            return None
        log.warning("call %s: it was not called to its slot: %s", call_id, error)
        queue.mark_called(conn, call_id, None)
    return None if error.permanent else AGAIN_SECONDS


def _end(tx: CallTx) -> None:
    """The caller has hung up, which no callback has said."""
    left = CallEvent(
        EventKind.LEG_ENDED,
        at=tx.context.now(),
        key="queue.gone",
        source=tx.call.provider,
        reason=EndedReason.CUSTOMER_ENDED_CALL,
        generic=True,
    )
    apply_events(tx, [left])
