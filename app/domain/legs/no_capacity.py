"""Media sockets that a process has no room for: noted, so that the leg is given another chance.

The handshake is refused, upon which the carrier says that it could not connect, or asks what now.
It is answered with a fresh document, which leads to a process that has room, if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.store import events
from providers.events import CallEvent, EventKind

NOTE = "media.busy"
WHY = {
    "elsewhere": "this process takes no media sockets: see MEDIA_URL and SERVE_MEDIA",
    "draining": "this process is stopping",
    "full": "this process has as many calls as it may have: see MAX_CALLS_PER_PROCESS",
}


def note_refusal(context: Context, call_id: str, stream: str, why: str) -> None:
    """Note it on the call, before the carrier hears of it."""
    event = CallEvent(
        EventKind.NOTE,
        at=context.now(),
        key=_key(stream),
        stream=stream,
        data={"note": NOTE, "why": why},
    )
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is not None:
            apply_events(CallTx(context, conn, found), [event])


def reinterpret(tx: CallTx, event: CallEvent) -> CallEvent:
    """A carrier's "could not connect" about a socket we had no room for ends nothing."""
    if event.stream is None or not events.has(tx.conn, tx.call.id, _key(event.stream)):
        return event
    return replace(event, kind=EventKind.LEG_CONTINUED, reason=None)


def was_refused(log: Sequence[CallEvent]) -> bool:
    """Whether a socket of the call found no room."""
    return any(event.data.get("note") == NOTE for event in log)


def _key(stream: str) -> str:
    return f"{NOTE}:{stream}"
