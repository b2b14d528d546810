"""Recording events on a call: log, fold, row, messages and timers, in the caller's transaction.

The one place where a call's row changes because something happened. Everything it causes is
committed with the event or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls.state import CallState, fold
from app.domain.context import Context, Row, new_id
from app.domain.costs import items as costs
from app.domain.legs import hangup
from app.domain.recordings import carrier as carrier_recordings
from app.domain.reporting import analysis, pending, server_messages
from app.domain.timings import Timing
from app.store import calls, events
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


def on_created(
    context: Context, conn: Connection, row: Row, state: CallState, first: Sequence[CallEvent]
) -> None:
    """What follows from a new call: its first messages, and the timer for what must come next."""
    server_messages.queue_status(context, conn, row, 0)
    if state.status != row["status"]:
        row["status"] = state.status
        server_messages.queue_status(context, conn, row, 0)
    if first:
        start_timer(context, conn, row["id"], JOIN, context.settings.join_timeout_seconds)
    elif row["bypass"]:
        start_timer(context, conn, row["id"], NO_CALL, context.settings.bypass_ttl_seconds)
    if first or not row["bypass"]:
        schedule_reconcile(context, conn, row["id"])


def apply_events(
    context: Context,
    conn: Connection,
    row: Row,
    new: Sequence[CallEvent],
    also: Mapping[str, Any] | None = None,
) -> CallState:
    """Append what is new, and bring ``row`` and all that follows from it up to date.

    ``row`` must be held (``calls.get(lock=True)``); ``also`` are other columns to change with it.
    A settled call's log still grows, its state does not change any more; what it cost may.
    """
    now, rates = context.now(), context.settings.currency_rates
    row.update(also or {})
    new = [*new, *costs.without_rate(new, rates, now)]
    added = [event for event in new if events.append(conn, row["id"], event, now)]
    if changed := costs.of_legs(row["body"], added, row["provider"], rates):
        also = {**(also or {}), "body": {**row["body"], **changed}, "updated_at": now}
        row.update(also)
    log = events.of_call(conn, row["id"])
    state = fold(log, context.providers[row["provider"]].never_answered)
    if not added or row["settled_at"]:
        if also:
            calls.update(conn, row["id"], also)
        return state
    if state.status is CallStatus.ENDED and not state.provisional and not state.settled:
        state = _settle(context, conn, row, state)
    before = CallStatus(row["status"])
    _write(context, conn, row, state, also)
    if before is not state.status:
        turn = sum(event.kind is EventKind.FORWARD_FAILED for event in log)
        server_messages.queue_status(context, conn, row, turn)
    if state.settled:
        pending.report(context, conn, row)
    _timers(context, conn, row, state, added)
    if any(event.kind is EventKind.MEDIA_CONNECTED for event in added):
        _measure_join(context, conn, log)
    return state


def _measure_join(context: Context, conn: Connection, log: Sequence[CallEvent]) -> None:
    """How long the assistant took to join. A socket that replaces another is no join."""
    up = [event.at for event in log if event.kind in LEG_IS_UP]
    joined = [event.at for event in log if event.kind is EventKind.MEDIA_CONNECTED]
    if up and len(joined) == 1:
        seconds = (joined[0] - min(up)).total_seconds()
        after_commit(conn, partial(context.observe, Timing.JOIN, seconds))


def finalize(context: Context, conn: Connection, row: Row) -> None:
    """The grace is over: what is known now is the reason, for good."""
    state = state_of(context, conn, row)
    if state.status is CallStatus.ENDED and not row["settled_at"]:
        _write(context, conn, row, _settle(context, conn, row, state))
        pending.report(context, conn, row)


def request_end(
    context: Context, conn: Connection, row: Row, reason: EndedReason, message: str | None = None
) -> CallState:
    """Our own decision to end the call; what carries it out comes after the commit."""
    if row["status"] == CallStatus.ENDED:  # too late to be the cause
        return state_of(context, conn, row)
    event = CallEvent(
        EventKind.INTENT,
        at=context.now(),
        key=f"intent:{new_id()}",
        reason=reason,
        data={"message": message} if message else {},
    )
    explained = message and row["status"] != CallStatus.ENDED
    also = {"body": {**row["body"], "endedMessage": message}} if explained else None
    return apply_events(context, conn, row, [event], also)


def state_of(context: Context, conn: Connection, row: Row) -> CallState:
    never_answered = context.providers[row["provider"]].never_answered
    return fold(events.of_call(conn, row["id"]), never_answered)


def _settle(context: Context, conn: Connection, row: Row, state: CallState) -> CallState:
    frozen = CallEvent(
        EventKind.SETTLED,
        at=state.ended_at or context.now(),
        key="settled",
        reason=state.ended_reason,
    )
    events.append(conn, row["id"], frozen, context.now())
    return replace(state, settled=True, provisional=False)


def _write(
    context: Context,
    conn: Connection,
    row: Row,
    state: CallState,
    also: Mapping[str, Any] | None = None,
) -> None:
    values: dict[str, Any] = {
        "status": state.status,
        "ended_reason": _reason(context, row, state.ended_reason),
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "settled_at": context.now() if state.settled else None,
    }
    if also or any(row[name] != value for name, value in values.items()):
        values |= {**(also or {}), "updated_at": context.now()}
        calls.update(conn, row["id"], values)
        row.update(values)


def _reason(context: Context, row: Row, reason: EndedReason | None) -> EndedReason | None:
    """ENDED_REASONS=seed knows only the 56 values of Vapi's page."""
    if reason is EndedReason.NO_CALL_RECEIVED and context.settings.ended_reasons == "seed":
        return context.providers[row["provider"]].connect_failed
    return reason


def _timers(
    context: Context, conn: Connection, row: Row, state: CallState, added: Sequence[CallEvent]
) -> None:
    kinds = {event.kind for event in added}
    if state.status is CallStatus.ENDED:
        _ended(context, conn, row, state)
        return
    if row["bypass"] and kinds & (LEG_IS_KNOWN | {EventKind.MEDIA_CONNECTED}):
        cancel_timer(context, conn, row["id"], NO_CALL)
        schedule_reconcile(context, conn, row["id"])
    if EventKind.FORWARD_STARTED in kinds:
        _forwarding(context, conn, row)
    elif kinds & LEG_IS_UP and not state.joined and state.status is not CallStatus.FORWARDING:
        start_timer(context, conn, row["id"], JOIN, context.settings.join_timeout_seconds)
    if EventKind.MEDIA_CONNECTED in kinds:
        cancel_timer(context, conn, row["id"], JOIN)
        carrier_recordings.begin(context, conn, row)
        analysis.begin(context, conn, row)
    if EventKind.MEDIA_CONNECTED in kinds or (
        EventKind.LEG_ANSWERED in kinds and not row["bypass"]
    ):
        start_timer(context, conn, row["id"], MAX_DURATION, row["max_duration"])
    if EventKind.FORWARD_FAILED in kinds and state.status is not CallStatus.FORWARDING:
        _start_duration_limit(context, conn, row, _seconds_left(context, row, state))
    if not awaits_media(state):
        cancel_timer(context, conn, row["id"], LOST)
    elif kinds & RESTARTS_MEDIA_WAIT:
        cancel_timer(context, conn, row["id"], LOST)
        _await_media(context, conn, row, state, context.settings.join_timeout_seconds)
    elif state.streams and EventKind.MEDIA_LOST in kinds:  # not of one that was replaced
        _await_media(context, conn, row, state, context.settings.settle_seconds)


def awaits_media(state: CallState) -> bool:
    """The carrier has to ask what now, or to open the socket it was told of.

    Of a call in forwarding it has asked once the socket that was closed for it is replaced.
    """
    return bool(state.streams) if state.status is CallStatus.FORWARDING else state.lost


def _await_media(
    context: Context, conn: Connection, row: Row, state: CallState, delay: float
) -> None:
    payload = {"timer": LOST, "callId": row["id"], "reattached": state.reattached}
    context.jobs.enqueue(conn, "timer", f"{LOST}:{row['id']}", payload, delay=delay, lock=row["id"])


def _forwarding(context: Context, conn: Connection, row: Row) -> None:
    """The socket is to be closed, upon which the carrier must ask what now."""
    cancel_timer(context, conn, row["id"], JOIN)
    _start_duration_limit(context, conn, row, longest_forward(context))
    wake_media(context, conn, row)


def longest_forward(context: Context) -> float:
    """Seconds from its decision. The carrier's own limit ends it before, if the carrier tells."""
    return context.settings.max_forward_seconds + FORWARD_GRACE_SECONDS


def _seconds_left(context: Context, row: Row, state: CallState) -> float:
    """Seconds of its own the call has left once nobody took the forward."""
    gone = (context.now() - state.started_at).total_seconds() if state.started_at else 0.0
    return max(0.0, float(row["max_duration"]) - gone)


def _start_duration_limit(context: Context, conn: Connection, row: Row, seconds: float) -> None:
    """The call may go on for so long, more or less than was said before."""
    cancel_timer(context, conn, row["id"], MAX_DURATION)
    start_timer(context, conn, row["id"], MAX_DURATION, seconds)


def _ended(context: Context, conn: Connection, row: Row, state: CallState) -> None:
    for timer in (NO_CALL, JOIN, MAX_DURATION, LOST):
        cancel_timer(context, conn, row["id"], timer)
    hangup.enqueue(context, conn, row, state)
    _ask_price(context, conn, row)
    carrier_recordings.end(context, conn, row)
    analysis.end(context, conn, row)
    if not state.settled:
        start_timer(context, conn, row["id"], SETTLE, context.settings.settle_seconds)
    wake_media(context, conn, row)


def _ask_price(context: Context, conn: Connection, row: Row) -> None:
    """Have the carrier's API asked what its leg cost (``legs/carrier_price.py``), unless a webhook told."""
    leg, delay = row["resolved"].get("legRef"), context.settings.price_seconds
    if leg and delay and not costs.priced(row["body"], leg):
        key, payload = f"{PRICE}:{row['id']}", {"callId": row["id"]}
        context.jobs.enqueue(conn, PRICE, key, payload, delay=delay, lock=f"leg:{row['id']}")


def wake_media(context: Context, conn: Connection, row: Row) -> None:
    """The call's socket has something to do: this process need not wait until it looks again."""
    for nudge in context.media_wakers:
        after_commit(conn, partial(nudge, row["id"]))


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
