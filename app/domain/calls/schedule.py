"""The timers of a call: which changes start and stop them.

They are part of the call's row. ``app/domain/calls/timers.py`` has their actions.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from app.domain.calls import schedule_plan, timer_jobs
from app.domain.calls.apply import Change, Reaction
from app.domain.calls.record import Call, CallTx
from app.domain.calls.state import CallState
from app.domain.calls.timer_column import Timer, Timers, started, stopped
from app.domain.calls.timer_jobs import WATCHDOG
from app.domain.context import Context
from app.domain.timings import Timing
from app.store.engine import after_commit
from providers.events import CallStatus, EventKind

DUE = "due"
NO_CALL = "no-call"
JOIN = "join"
MAX_DURATION = "max-duration"
LOST = "lost"
SETTLE = "settle"
QUEUE = "queue"
OF_OPEN_CALL = (DUE, NO_CALL, JOIN, MAX_DURATION, LOST, WATCHDOG, QUEUE)
TIMERS = (*OF_OPEN_CALL, SETTLE)

FORWARD_GRACE_SECONDS = 120.0
"""The time for the message and the ringing. The carrier's limit counts from the answer."""

LEG_IS_UP = frozenset({EventKind.LEG_FETCHED, EventKind.LEG_ANSWERED, EventKind.MEDIA_STARTING})
"""The time the assistant takes to join is measured from the first of these events."""
AWAITS_JOIN = LEG_IS_UP | {EventKind.LEG_CONTINUED}
"""After these events the assistant has JOIN_TIMEOUT_SECONDS to join.

A leg whose media socket was refused may have told nothing before it continues.
"""
RESTARTS_MEDIA_WAIT = frozenset(
    {EventKind.REATTACHED, EventKind.FORWARD_STARTED, EventKind.FORWARD_FAILED}
)
"""After these events the carrier has JOIN_TIMEOUT_SECONDS to request a document or connect."""
LEG_IS_KNOWN = LEG_IS_UP | {EventKind.LEG_RINGING, EventKind.LEG_QUEUED}
"""These events prove that the flow of a bypass call has brought a leg."""
LEG_CAME = LEG_IS_KNOWN | {
    EventKind.LEG_CONTINUED,
    EventKind.MEDIA_CONNECTED,
    EventKind.QUEUE_ENTERED,
}
"""The first of these events ends the wait for a leg."""
MOVES_MEDIA = RESTARTS_MEDIA_WAIT | {EventKind.MEDIA_CONNECTED, EventKind.MEDIA_LOST}
"""Only these events change whether the call waits for a media socket (``awaits_media``)."""
MOVES = AWAITS_JOIN | MOVES_MEDIA | {EventKind.DUE}
"""Each of these events may start or stop a timer; of the other ``LEG_CAME`` only the first."""


def set_timers(change: Change) -> None:
    """Start and stop the timers that this change concerns."""
    if change.ended:
        _ended(change)
    else:
        new = change.kinds
        for kinds, move in MOVED:
            if kinds & new:
                move(change)


def first_timers(context: Context, call: Call, *, arrived: bool) -> Timers:
    """The timers of a new call. ``arrived``: the call begins with the arrival of its leg."""
    settings, timers = context.settings, {}
    if "schedulePlan" in call.body:
        return {DUE: Timer(schedule_plan.earliest(call.body))}
    if arrived:
        timers[JOIN] = settings.join_timeout_seconds
    elif call.bypass:
        timers[NO_CALL] = settings.bypass_ttl_seconds
    if arrived or not call.bypass:
        timers[WATCHDOG] = settings.reconcile_seconds
    return {name: Timer(call.created_at + timedelta(seconds=s)) for name, s in timers.items()}


def start(tx: CallTx, timer: str, delay: float, reattached: int | None = None) -> None:
    """Start a timer. If it waits already, the earlier time holds."""
    if tx.call.timers is None:
        timer_jobs.start(tx, timer, delay, reattached)
        return
    due = tx.context.now() + timedelta(seconds=delay)
    tx.update(timers=started(tx.call.timers, timer, Timer(due, reattached)))


def stop(tx: CallTx, *timers: str) -> None:
    """Stop those of the timers that wait."""
    if tx.call.timers is None:
        for timer in timers:
            timer_jobs.stop(tx, timer)
        return
    if not tx.call.timers.keys().isdisjoint(timers):
        tx.update(timers=stopped(tx.call.timers, timers))


def measure_join(change: Change) -> None:
    """Observe the time the assistant took to join. A reattached socket does not count."""
    up = [event.at for event in change.log if event.kind in LEG_IS_UP]
    joined = [event.at for event in change.log if event.kind is EventKind.MEDIA_CONNECTED]
    if up and len(joined) == 1:
        seconds = (joined[0] - min(up)).total_seconds()
        after_commit(change.tx.conn, partial(change.tx.context.observe, Timing.JOIN, seconds))


def awaits_media(state: CallState) -> bool:
    """Whether the carrier must request a document, or open the socket of its last document.

    While forwarding it must request that of the forward, whether a socket is open or not.
    """
    return not state.handed_over if state.status is CallStatus.FORWARDING else state.lost


def longest_forward(context: Context) -> float:
    """The longest forward in seconds. The carrier's own limit normally ends it earlier."""
    return context.settings.max_forward_seconds + FORWARD_GRACE_SECONDS


# ------------------------------------------------------------------ one timer each


def _ended(change: Change) -> None:
    if change.state.settled:
        stop(change.tx, *TIMERS)
        return
    stop(change.tx, *OF_OPEN_CALL)
    start(change.tx, SETTLE, change.tx.context.settings.settle_seconds)


def _await_word(change: Change) -> None:
    """A scheduled call is dialled from now on."""
    start(change.tx, WATCHDOG, change.tx.context.settings.reconcile_seconds)


def _await_leg(change: Change) -> None:
    if change.tx.call.bypass and change.is_first(LEG_CAME):
        stop(change.tx, NO_CALL)
        start(change.tx, WATCHDOG, change.tx.context.settings.reconcile_seconds)


def _await_join(change: Change) -> None:
    state, kinds = change.state, change.kinds
    if EventKind.FORWARD_STARTED in kinds:
        stop(change.tx, JOIN)
    elif kinds & AWAITS_JOIN and not state.joined and state.status is not CallStatus.FORWARDING:
        start(change.tx, JOIN, change.tx.context.settings.join_timeout_seconds)
    if EventKind.MEDIA_CONNECTED in kinds:
        stop(change.tx, JOIN)


def _limit_duration(change: Change) -> None:
    kinds, call = change.kinds, change.tx.call
    if EventKind.FORWARD_STARTED in kinds:
        _restart_duration_limit(change, longest_forward(change.tx.context))
    forwarding = change.state.status is CallStatus.FORWARDING
    answered = EventKind.LEG_ANSWERED in kinds and not call.bypass
    if (answered or EventKind.MEDIA_CONNECTED in kinds) and not forwarding:
        start(change.tx, MAX_DURATION, call.max_duration)
    if EventKind.FORWARD_FAILED in kinds and not forwarding:
        _restart_duration_limit(change, _seconds_left(change))


def _await_media(change: Change) -> None:
    kinds, state, settings = change.kinds, change.state, change.tx.context.settings
    if not awaits_media(state):
        stop(change.tx, LOST)
    elif kinds & RESTARTS_MEDIA_WAIT:
        stop(change.tx, LOST)
        start(change.tx, LOST, settings.join_timeout_seconds, state.reattached)
    elif state.streams and EventKind.MEDIA_LOST in kinds:  # ignores the loss of a replaced stream
        start(change.tx, LOST, settings.settle_seconds, state.reattached)


MOVED: tuple[tuple[frozenset[EventKind], Reaction], ...] = (
    (frozenset({EventKind.DUE}), _await_word),
    (LEG_CAME, _await_leg),
    (AWAITS_JOIN | {EventKind.FORWARD_STARTED, EventKind.MEDIA_CONNECTED}, _await_join),
    (
        frozenset(
            {
                EventKind.FORWARD_STARTED,
                EventKind.LEG_ANSWERED,
                EventKind.MEDIA_CONNECTED,
                EventKind.FORWARD_FAILED,
            }
        ),
        _limit_duration,
    ),
    (MOVES_MEDIA, _await_media),
)
"""Which timers an open call's new events may move, in this order."""


# ------------------------------------------------------------------ parts


def _seconds_left(change: Change) -> float:
    """Seconds until the call's maximum duration, after a failed forward."""
    began = change.state.started_at
    gone = (change.tx.context.now() - began).total_seconds() if began else 0.0
    return max(0.0, float(change.tx.call.max_duration) - gone)


def _restart_duration_limit(change: Change, seconds: float) -> None:
    """Restart the duration limit with a longer or shorter time."""
    stop(change.tx, MAX_DURATION)
    start(change.tx, MAX_DURATION, seconds)
