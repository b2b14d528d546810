"""The actions of a call's timers. Each first checks the call's current state.

A timer may fire late or twice. One that no longer applies does nothing. ``app/jobs/timers.py``
fires the timers of the calls' rows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from app.domain.calls import record, timer_jobs
from app.domain.calls.apply import Folded, apply_events, finalize, folded, request_end
from app.domain.calls.record import CallTx
from app.domain.calls.schedule import (
    DUE,
    JOIN,
    LEG_CAME,
    LOST,
    MAX_DURATION,
    NO_CALL,
    QUEUE,
    SETTLE,
    awaits_media,
    start,
    stop,
)
from app.domain.calls.state import CallState
from app.domain.calls.timer_column import Timer, due_timer, load_timers, timer_columns
from app.domain.calls.timer_jobs import WATCHDOG
from app.domain.context import Context
from app.store import calls, events, queue
from app.store.again import one_transaction
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EndedReason, EventKind


class Fired(NamedTuple):
    """A timer that fires: its call, and the call's events and state."""

    tx: CallTx
    known: Folded

    @property
    def state(self) -> CallState:
        return self.known.state


Action = Callable[[Fired], None]


@one_transaction
def fire_due(context: Context, call_id: str) -> bool:
    """Fire the timer of this call that is due first. Returns whether one was due.

    The timer leaves the row in the transaction of its action. A locked call is passed over.
    """
    with context.store.write() as conn:
        found = record.lock_free(conn, call_id)
        name = due_timer(found.timers, context.now()) if found else None
        if found is None or found.timers is None or name is None:
            return False
        timer, tx = found.timers[name], CallTx(context, conn, found)
        stop(tx, name)
        _act(tx, name, timer.reattached)
        return True


@one_transaction
def put_off(context: Context, call_id: str, seconds: float) -> None:
    """Start the due timer of this call again, after its action failed.

    Reads no other column: a newer version may have written what this one cannot read.
    """
    due = context.now() + timedelta(seconds=seconds)
    with context.store.write() as conn:
        row = calls.get(conn, call_id, lock=True)
        timers = load_timers(row["timers"]) if row else None
        name = due_timer(timers, context.now())
        if timers and name:
            later = {**timers, name: Timer(due, timers[name].reattached)}
            calls.update(conn, call_id, timer_columns(later))


@one_transaction
def fire(context: Context, payload: JsonObject) -> None:
    """Handler of the job ``timer``, whose payload is ``{"timer", "callId"}``."""
    with context.store.write() as conn:
        found = record.get(conn, payload["callId"], lock=True, log=True)
        if found is not None:
            tx = CallTx(context, conn, found)
            _act(tx, payload["timer"], payload.get("reattached"))


def _act(tx: CallTx, timer: str, reattached: int | None) -> None:
    if tx.call.settled_at is None:
        fired = Fired(tx, folded(tx))
        if reattached in {None, fired.state.reattached}:
            ACTIONS[timer](fired)


def _no_call(fired: Fired) -> None:
    came = any(event.kind in LEG_CAME for event in fired.known.log)
    if fired.state.status is not CallStatus.ENDED and not came:
        tx = fired.tx
        _end(tx, EventKind.TIMER, tx.carrier.no_call, NO_CALL)


def _join(fired: Fired) -> None:
    tx, state = fired.tx, fired.state
    if queue.get(tx.conn, tx.call.id) is not None:
        return  # the timer starts anew with the leg's slot
    if not state.joined and state.status not in {CallStatus.FORWARDING, CallStatus.ENDED}:
        _end(tx, EventKind.TIMER, EndedReason.ASSISTANT_JOIN_TIMED_OUT, JOIN)


def _max_duration(fired: Fired) -> None:
    if fired.state.status is not CallStatus.ENDED:
        request_end(fired.tx, EndedReason.EXCEEDED_MAX_DURATION)


def _media_lost(fired: Fired) -> None:
    state = fired.state
    if awaits_media(state) and state.status is not CallStatus.ENDED:
        reason = EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET
        if not state.joined:  # it was transferred before its assistant had joined
            reason = EndedReason.ASSISTANT_JOIN_TIMED_OUT
        elif state.shut_down:
            reason = EndedReason.SERVER_SHUTDOWN
        _end(fired.tx, EventKind.MEDIA_GONE, reason, LOST)


def _settle(fired: Fired) -> None:
    """Settle the reason. One that is only inferred is asked of the carrier before."""
    if fired.state.inferred:
        timer_jobs.ask_about_stop(fired.tx)
    else:
        finalize(fired.tx, fired.known)


def _due(fired: Fired) -> None:
    if fired.state.status is CallStatus.SCHEDULED:
        timer_jobs.start_scheduled(fired.tx)


def _watch(fired: Fired) -> None:
    """Ask the carrier about a quiet call. Another one is looked at later."""
    if fired.state.status is CallStatus.ENDED:
        return
    tx = fired.tx
    patience = tx.context.settings.reconcile_seconds
    last = events.last_received(tx.conn, tx.call.id) or tx.call.created_at
    left = patience - (tx.context.now() - last).total_seconds()
    if left > 0:
        start(tx, WATCHDOG, left)
    else:
        timer_jobs.reconcile(tx)


def _queue(fired: Fired) -> None:
    """The leg has missed its turn, or has waited for the longest time: call it."""
    tx = fired.tx
    if queue.get(tx.conn, tx.call.id) is not None:
        timer_jobs.call_waiting(tx)


def _end(tx: CallTx, kind: EventKind, reason: EndedReason, timer: str) -> None:
    event = CallEvent(kind, at=tx.context.now(), key=f"timer:{timer}", reason=reason)
    apply_events(tx, [event])


ACTIONS: dict[str, Action] = {
    DUE: _due,  # schedulePlan.earliestAt has come
    NO_CALL: _no_call,  # bypass: the flow never brought a leg
    JOIN: _join,  # the leg is up, and the media socket never connected
    MAX_DURATION: _max_duration,
    LOST: _media_lost,  # the socket was lost, and the carrier requested no document
    SETTLE: _settle,
    WATCHDOG: _watch,
    QUEUE: _queue,  # the leg waits for a slot, and did not ask for its next turn
}
