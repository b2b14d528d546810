"""Recording events on a call: log, fold, row, messages and timers, in the caller's transaction.

The one place where a call's row changes because something happened. Everything it causes is
committed with the event or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy.engine import Connection

from app.domain.calls.record import Call, CallTx, Changes, change
from app.domain.calls.state import CallState, fold
from app.domain.context import Context, new_id
from app.domain.costs import items as costs
from app.domain.legs import hangup
from app.domain.recordings import carrier as carrier_recordings
from app.domain.reporting import analysis, pending, server_messages
from app.domain.timings import Timing
from app.store import events
from app.store.engine import after_commit
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

NO_CALL = "no-call"
JOIN = "join"
MAX_DURATION = "max-duration"
LOST = "lost"
SETTLE = "settle"
WATCHDOG = "watchdog"
PRICE = "price"
TIMERS = (NO_CALL, JOIN, MAX_DURATION, LOST, SETTLE, WATCHDOG, pending.TIMER)

FORWARD_GRACE_SECONDS = 120.0
"""What is spoken and rung before a forward is answered, which is when the carrier begins to count."""

LEG_IS_UP = {EventKind.LEG_FETCHED, EventKind.LEG_ANSWERED, EventKind.MEDIA_STARTING}
"""From here on the assistant has JOIN_TIMEOUT_SECONDS to join."""
RESTARTS_MEDIA_WAIT = {EventKind.REATTACHED, EventKind.FORWARD_STARTED, EventKind.FORWARD_FAILED}
"""From here on the carrier has JOIN_TIMEOUT_SECONDS again to ask, or to open a socket."""
LEG_IS_KNOWN = LEG_IS_UP | {EventKind.LEG_RINGING, EventKind.LEG_QUEUED}
"""The owner's flow has brought a leg: it is no longer a call that never came."""


def on_created(tx: CallTx, state: CallState, first: Sequence[CallEvent]) -> None:
    """What follows from a new call: its first messages, and the timer for what must come next."""
    server_messages.queue_status(tx, 0)
    if state.status != tx.call.status:
        tx.call.status = state.status
        server_messages.queue_status(tx, 0)
    if first:
        start_timer(tx.context, tx.conn, tx.call.id, JOIN, tx.context.settings.join_timeout_seconds)
    elif tx.call.bypass:
        start_timer(
            tx.context, tx.conn, tx.call.id, NO_CALL, tx.context.settings.bypass_ttl_seconds
        )
    if first or not tx.call.bypass:
        schedule_reconcile(tx.context, tx.conn, tx.call.id)


def apply_events(tx: CallTx, new: Sequence[CallEvent], also: Changes | None = None) -> CallState:
    """Append what is new, and bring the call and all that follows from it up to date.

    The call must be held (``record.get(lock=True)``); ``also`` changes with it.
    A settled call's log still grows, its state does not change any more; what it cost may.
    """
    now, rates = tx.context.now(), tx.context.settings.currency_rates
    change(tx.call, **(also or {}))
    new = [*new, *costs.without_rate(new, rates, now)]
    added = [event for event in new if events.append(tx.conn, tx.call.id, event, now)]
    if changed := costs.of_legs(tx.call.body, added, tx.call.provider, rates):
        also = {**(also or {}), "body": {**tx.call.body, **changed}, "updated_at": now}
        change(tx.call, **also)
    log = events.of_call(tx.conn, tx.call.id)
    state = fold(log)
    if not added or tx.call.settled_at:
        if also:
            tx.update(**also)
        return state
    if state.status is CallStatus.ENDED and not state.provisional and not state.settled:
        state = _settle(tx, state)
    before = tx.call.status
    _write(tx, state, also)
    if before is not state.status:
        turn = sum(event.kind is EventKind.FORWARD_FAILED for event in log)
        server_messages.queue_status(tx, turn)
    if state.settled:
        pending.report(tx)
    _timers(tx, state, added)
    if any(event.kind is EventKind.MEDIA_CONNECTED for event in added):
        _measure_join(tx.context, tx.conn, log)
    return state


def _measure_join(context: Context, conn: Connection, log: Sequence[CallEvent]) -> None:
    """How long the assistant took to join. A socket that replaces another is no join."""
    up = [event.at for event in log if event.kind in LEG_IS_UP]
    joined = [event.at for event in log if event.kind is EventKind.MEDIA_CONNECTED]
    if up and len(joined) == 1:
        seconds = (joined[0] - min(up)).total_seconds()
        after_commit(conn, partial(context.observe, Timing.JOIN, seconds))


def finalize(tx: CallTx) -> None:
    """The grace is over: what is known now is the reason, for good."""
    state = fold(events.of_call(tx.conn, tx.call.id))
    if state.status is CallStatus.ENDED and not tx.call.settled_at:
        _write(tx, _settle(tx, state))
        pending.report(tx)


def request_end(tx: CallTx, reason: EndedReason, message: str | None = None) -> CallState:
    """Our own decision to end the call; what carries it out comes after the commit."""
    if tx.call.status == CallStatus.ENDED:  # too late to be the cause
        return state_of(tx.conn, tx.call.id)
    event = CallEvent(
        EventKind.INTENT,
        at=tx.context.now(),
        key=f"intent:{new_id()}",
        reason=reason,
        data={"message": message} if message else {},
    )
    also: Changes = {"body": {**tx.call.body, "endedMessage": message}} if message else {}
    return apply_events(tx, [event], also)


def state_of(conn: Connection, call_id: str) -> CallState:
    return fold(events.of_call(conn, call_id))


def _settle(tx: CallTx, state: CallState) -> CallState:
    frozen = CallEvent(
        EventKind.SETTLED,
        at=state.ended_at or tx.context.now(),
        key="settled",
        reason=state.ended_reason,
    )
    events.append(tx.conn, tx.call.id, frozen, tx.context.now())
    return replace(state, settled=True, provisional=False)


def _write(tx: CallTx, state: CallState, also: Changes | None = None) -> None:
    values: Changes = {
        "status": state.status,
        "ended_reason": _reason(tx.context, tx.call, state.ended_reason),
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "settled_at": tx.context.now() if state.settled else None,
    }
    if also or any(getattr(tx.call, name) != value for name, value in values.items()):
        changes: Changes = {**values, **(also or {}), "updated_at": tx.context.now()}
        tx.update(**changes)


def _reason(context: Context, call: Call, reason: EndedReason | None) -> EndedReason | None:
    """ENDED_REASONS=seed knows only the 56 values of Vapi's page."""
    if reason is EndedReason.NO_CALL_RECEIVED and context.settings.ended_reasons == "seed":
        return context.providers[call.provider].connect_failed
    return reason


def _timers(tx: CallTx, state: CallState, added: Sequence[CallEvent]) -> None:
    kinds = {event.kind for event in added}
    if state.status is CallStatus.ENDED:
        _ended(tx, state)
        return
    if tx.call.bypass and kinds & (LEG_IS_KNOWN | {EventKind.MEDIA_CONNECTED}):
        cancel_timer(tx.context, tx.conn, tx.call.id, NO_CALL)
        schedule_reconcile(tx.context, tx.conn, tx.call.id)
    if EventKind.FORWARD_STARTED in kinds:
        _forwarding(tx)
    elif kinds & LEG_IS_UP and not state.joined and state.status is not CallStatus.FORWARDING:
        start_timer(tx.context, tx.conn, tx.call.id, JOIN, tx.context.settings.join_timeout_seconds)
    if EventKind.MEDIA_CONNECTED in kinds:
        cancel_timer(tx.context, tx.conn, tx.call.id, JOIN)
        carrier_recordings.begin(tx)
        analysis.begin(tx)
    if EventKind.MEDIA_CONNECTED in kinds or (
        EventKind.LEG_ANSWERED in kinds and not tx.call.bypass
    ):
        start_timer(tx.context, tx.conn, tx.call.id, MAX_DURATION, tx.call.max_duration)
    if EventKind.FORWARD_FAILED in kinds and state.status is not CallStatus.FORWARDING:
        _start_duration_limit(tx, _seconds_left(tx.context, tx.call, state))
    if not awaits_media(state):
        cancel_timer(tx.context, tx.conn, tx.call.id, LOST)
    elif kinds & RESTARTS_MEDIA_WAIT:
        cancel_timer(tx.context, tx.conn, tx.call.id, LOST)
        _await_media(tx, state, tx.context.settings.join_timeout_seconds)
    elif state.streams and EventKind.MEDIA_LOST in kinds:  # not of one that was replaced
        _await_media(tx, state, tx.context.settings.settle_seconds)


def awaits_media(state: CallState) -> bool:
    """The carrier has to ask what now, or to open the socket it was told of.

    Of a call in forwarding it has asked once the socket that was closed for it is replaced.
    """
    return bool(state.streams) if state.status is CallStatus.FORWARDING else state.lost


def _await_media(tx: CallTx, state: CallState, delay: float) -> None:
    payload = {"timer": LOST, "callId": tx.call.id, "reattached": state.reattached}
    tx.context.jobs.enqueue(
        tx.conn, "timer", f"{LOST}:{tx.call.id}", payload, delay=delay, lock=tx.call.id
    )


def _forwarding(tx: CallTx) -> None:
    """The socket is to be closed, upon which the carrier must ask what now."""
    cancel_timer(tx.context, tx.conn, tx.call.id, JOIN)
    _start_duration_limit(tx, longest_forward(tx.context))
    wake_media(tx)


def longest_forward(context: Context) -> float:
    """Seconds from its decision. The carrier's own limit ends it before, if the carrier tells."""
    return context.settings.max_forward_seconds + FORWARD_GRACE_SECONDS


def _seconds_left(context: Context, call: Call, state: CallState) -> float:
    """Seconds of its own the call has left once nobody took the forward."""
    gone = (context.now() - state.started_at).total_seconds() if state.started_at else 0.0
    return max(0.0, float(call.max_duration) - gone)


def _start_duration_limit(tx: CallTx, seconds: float) -> None:
    """The call may go on for so long, more or less than was said before."""
    cancel_timer(tx.context, tx.conn, tx.call.id, MAX_DURATION)
    start_timer(tx.context, tx.conn, tx.call.id, MAX_DURATION, seconds)


def _ended(tx: CallTx, state: CallState) -> None:
    for timer in (NO_CALL, JOIN, MAX_DURATION, LOST):
        cancel_timer(tx.context, tx.conn, tx.call.id, timer)
    hangup.enqueue(tx, state)
    _ask_price(tx)
    carrier_recordings.end(tx)
    analysis.end(tx)
    if not state.settled:
        start_timer(tx.context, tx.conn, tx.call.id, SETTLE, tx.context.settings.settle_seconds)
    wake_media(tx)


def _ask_price(tx: CallTx) -> None:
    """Have the carrier's API asked what its leg cost (``legs/carrier_price.py``), unless a webhook told."""
    leg, delay = tx.call.facts.leg_ref, tx.context.settings.price_seconds
    if leg and delay and not costs.priced(tx.call.body, leg):
        key, payload = f"{PRICE}:{tx.call.id}", {"callId": tx.call.id}
        tx.context.jobs.enqueue(tx.conn, PRICE, key, payload, delay=delay, lock=f"leg:{tx.call.id}")


def wake_media(tx: CallTx) -> None:
    """The call's socket has something to do: this process need not wait until it looks again."""
    for nudge in tx.context.media_wakers:
        after_commit(tx.conn, partial(nudge, tx.call.id))


def start_timer(context: Context, conn: Connection, call_id: str, timer: str, delay: float) -> None:
    payload = {"timer": timer, "callId": call_id}
    context.jobs.enqueue(conn, "timer", f"{timer}:{call_id}", payload, delay=delay, lock=call_id)


def schedule_reconcile(context: Context, conn: Connection, call_id: str) -> None:
    """Look after the call when nothing is heard of it (``legs/reconcile.py``), for as long as it is open."""
    context.jobs.enqueue(
        conn,
        WATCHDOG,
        f"{WATCHDOG}:{call_id}",
        {"callId": call_id},
        delay=context.settings.reconcile_seconds,
        lock=f"leg:{call_id}",
    )


def cancel_timer(context: Context, conn: Connection, call_id: str, timer: str) -> None:
    context.jobs.cancel(conn, f"{timer}:{call_id}")
