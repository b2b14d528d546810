"""The actions of a call's timers. Each first checks the call's current state.

The job runner may fire a timer late or twice. A timer that no longer applies does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.calls import record
from app.domain.calls.apply import apply_events, finalize, request_end, state_of
from app.domain.calls.record import CallTx
from app.domain.calls.schedule import (
    JOIN,
    LEG_IS_KNOWN,
    LOST,
    MAX_DURATION,
    NO_CALL,
    SETTLE,
    awaits_media,
)
from app.domain.calls.state import CallState
from app.domain.context import Context
from app.store import events
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

Action = Callable[[CallTx, CallState], None]


def fire(context: Context, payload: JsonObject) -> None:
    """Handler of the job ``timer``, whose payload is ``{"timer", "callId"}``."""
    with context.store.write() as conn:
        found = record.get(conn, payload["callId"], lock=True)
        if found is not None and found.settled_at is None:
            tx = CallTx(context, conn, found)
            state = state_of(tx)
            if payload.get("reattached", state.reattached) == state.reattached:
                ACTIONS[payload["timer"]](tx, state)


def _no_call(tx: CallTx, state: CallState) -> None:
    known = any(event.kind in LEG_IS_KNOWN for event in events.of_call(tx.conn, tx.call.id))
    if state.status is CallStatus.QUEUED and not known:
        _end(tx, EventKind.TIMER, EndedReason.NO_CALL_RECEIVED, NO_CALL)


def _join(tx: CallTx, state: CallState) -> None:
    if not state.joined and state.status not in {CallStatus.FORWARDING, CallStatus.ENDED}:
        _end(tx, EventKind.TIMER, EndedReason.ASSISTANT_JOIN_TIMED_OUT, JOIN)


def _max_duration(tx: CallTx, state: CallState) -> None:
    if state.status is not CallStatus.ENDED:
        request_end(tx, EndedReason.EXCEEDED_MAX_DURATION)


def _media_lost(tx: CallTx, state: CallState) -> None:
    if awaits_media(state) and state.status is not CallStatus.ENDED:
        gone = EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET
        reason = EndedReason.SERVER_SHUTDOWN if state.shut_down else gone
        _end(tx, EventKind.MEDIA_GONE, reason, LOST)


def _settle(tx: CallTx, state: CallState) -> None:
    finalize(tx)


def _end(tx: CallTx, kind: EventKind, reason: EndedReason, timer: str) -> None:
    event = CallEvent(kind, at=tx.context.now(), key=f"timer:{timer}", reason=reason)
    apply_events(tx, [event])


ACTIONS: dict[str, Action] = {
    NO_CALL: _no_call,  # bypass: the flow never brought a leg
    JOIN: _join,  # the leg is up, and the media socket never connected
    MAX_DURATION: _max_duration,
    LOST: _media_lost,  # the socket was lost, and the carrier requested no document
    SETTLE: _settle,
}
