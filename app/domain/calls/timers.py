"""What a timer does when it fires: it looks at the call as it is now, and only then decides.

The job engine may fire a timer late or twice; a call that moved on is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls.apply import apply_events, finalize, request_end, state_of
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
from app.domain.context import Context, Row
from app.store import calls, events
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

Action = Callable[[Context, Connection, Row, CallState], None]


def fire(context: Context, payload: Mapping[str, Any]) -> None:
    """Handler of the job kind ``timer``: ``{"timer", "callId"}``."""
    with context.store.write() as conn:
        found = calls.get(conn, payload["callId"], lock=True)
        if found is not None and found["settled_at"] is None:
            row = dict(found)
            state = state_of(conn, row["id"])
            if payload.get("reattached", state.reattached) == state.reattached:
                ACTIONS[payload["timer"]](context, conn, row, state)


def _no_call(context: Context, conn: Connection, row: Row, state: CallState) -> None:
    known = any(event.kind in LEG_IS_KNOWN for event in events.of_call(conn, row["id"]))
    if state.status is CallStatus.QUEUED and not known:
        _end(context, conn, row, EventKind.TIMER, EndedReason.NO_CALL_RECEIVED, NO_CALL)


def _join(context: Context, conn: Connection, row: Row, state: CallState) -> None:
    if not state.joined and state.status not in {CallStatus.FORWARDING, CallStatus.ENDED}:
        _end(context, conn, row, EventKind.TIMER, EndedReason.ASSISTANT_JOIN_TIMED_OUT, JOIN)


def _max_duration(context: Context, conn: Connection, row: Row, state: CallState) -> None:
    if state.status is not CallStatus.ENDED:
        request_end(context, conn, row, EndedReason.EXCEEDED_MAX_DURATION)


def _media_lost(context: Context, conn: Connection, row: Row, state: CallState) -> None:
    if awaits_media(state) and state.status is not CallStatus.ENDED:
        gone = EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET
        reason = EndedReason.SERVER_SHUTDOWN if state.shut_down else gone
        _end(context, conn, row, EventKind.MEDIA_GONE, reason, LOST)


def _settle(context: Context, conn: Connection, row: Row, state: CallState) -> None:
    finalize(context, conn, row)


def _end(
    context: Context, conn: Connection, row: Row, kind: EventKind, reason: EndedReason, timer: str
) -> None:
    event = CallEvent(kind, at=context.now(), key=f"timer:{timer}", reason=reason)
    apply_events(context, conn, row, [event])


ACTIONS: dict[str, Action] = {
    NO_CALL: _no_call,  # bypass: the owner's flow never brought a leg
    JOIN: _join,  # the leg is up, the media socket never came
    MAX_DURATION: _max_duration,
    LOST: _media_lost,  # the socket was lost and the carrier never asked what now
    SETTLE: _settle,
}
