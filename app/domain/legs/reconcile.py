"""Reconcile open calls without recent events: read their state from the carrier's API.

Callbacks may get lost. So the API is asked about an open call after RECONCILE_SECONDS without
an event, and again after each such time.
Its response is stored as the missing callbacks would have been.
A dialled call whose leg is not known is looked for there (``unconfirmed.py``).
A call that the carrier does not know ends at last with ``unknown-error``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.record import Call, CallTx
from app.domain.calls.schedule import longest_forward
from app.domain.context import Context
from app.domain.legs import unconfirmed
from app.domain.legs.leg_at_carrier import leg_at_carrier
from app.store import accounts, events, queue
from providers.base.rest import LegState
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

GRACE_SECONDS = 60.0
"""Added to the longest duration of a call or forward, until an unknown call is ended."""


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``watchdog``. It runs again until the call is over."""
    call_id = payload["callId"]
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None or call.status == CallStatus.ENDED:
            return None
        credential = accounts.get_credential(conn, call.credential_id)
        quiet = _seconds(context, call, events.last_received(conn, call_id))
        history = events.of_call(conn, call_id)
    patience = unconfirmed.patience(context, call, history)
    if quiet < patience:
        return patience - quiet
    leg = leg_at_carrier(context, call, credential)
    found = unconfirmed.ask(context, call, credential, history)
    with context.store.write() as conn:
        locked = record.get(conn, call_id, lock=True)
        if locked is None or locked.status == CallStatus.ENDED:
            return None
        tx = CallTx(context, conn, locked)
        quiet = _seconds(context, locked, events.last_received(conn, call_id))
        _conclude(tx, leg, found, quiet)
        if tx.call.status == CallStatus.ENDED:
            return None
        return unconfirmed.patience(context, tx.call, events.of_call(conn, call_id))


def _seconds(context: Context, call: Call, last: datetime | None) -> float:
    return (context.now() - (last or call.created_at)).total_seconds()


def _conclude(
    tx: CallTx, leg: LegState | None, found: Sequence[LegState] | str, quiet: float
) -> None:
    history = events.of_call(tx.conn, tx.call.id)
    if leg is not None:
        apply_events(tx, _as_event(leg, history))
    elif _silence(tx, quiet) >= _longest(tx.context, tx.call) + GRACE_SECONDS:
        lost = CallEvent(
            EventKind.TIMER,
            at=tx.context.now(),
            key="timer:watchdog",
            reason=EndedReason.UNKNOWN_ERROR,
        )
        apply_events(tx, [lost])
    elif unconfirmed.is_open(tx.call, history):
        unconfirmed.conclude(tx, history, found)


def _silence(tx: CallTx, quiet: float) -> float:
    """Seconds without a sign of the leg. A leg in the line asks for its turns, which are no events."""
    ticket = queue.get(tx.conn, tx.call.id)
    if ticket is None:
        return quiet
    return min(quiet, (tx.context.now() - ticket.turn_until).total_seconds())


def _longest(context: Context, call: Call) -> float:
    """The seconds that the call may last without an event."""
    forwarding = call.status == CallStatus.FORWARDING
    return longest_forward(context) if forwarding else float(call.max_duration)


def _as_event(leg: LegState, history: Sequence[CallEvent]) -> list[CallEvent]:
    """The events of the API's response that no callback had."""
    known = {event.kind for event in history}
    return [event for event in leg.events if event.kind not in known]
