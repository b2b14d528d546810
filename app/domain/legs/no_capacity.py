"""Media sockets that a process refuses for lack of capacity. A note lets the leg try again.

The process refuses the handshake. The carrier then reports the failure or requests a document.
The new document connects the leg to a process with capacity, if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.store import events
from app.store.again import one_transaction
from providers.events import CallEvent, EventKind

NOTE = "media.busy"
NO_SLOT = "queue"
"""The word for a call that waits for a slot of MAX_CONCURRENT_CALLS."""
WHY = {
    "elsewhere": "this process takes no media sockets: see MEDIA_URL and SERVE_MEDIA",
    "draining": "this process is stopping",
    "full": "this process has as many calls as it may have: see MAX_CALLS_PER_PROCESS",
}


@one_transaction
def note_refusal(context: Context, call_id: str, stream: str, why: str) -> None:
    """Append the note to the call's event log, before the handshake is refused."""
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is not None:
            add_note(CallTx(context, conn, found), stream, why)


def add_note(tx: CallTx, stream: str, why: str) -> None:
    """The same as a part of a transaction."""
    event = CallEvent(
        EventKind.NOTE,
        at=tx.context.now(),
        key=_key(stream),
        stream=stream,
        data={"note": NOTE, "why": why},
    )
    apply_events(tx, [event])


def reinterpret(tx: CallTx, event: CallEvent) -> CallEvent:
    """Change a failure event of a refused socket, so that it does not end the call."""
    if event.stream is None or not events.has(tx.conn, tx.call.id, _key(event.stream)):
        return event
    return event._replace(kind=EventKind.LEG_CONTINUED, reason=None)


def was_refused(log: Sequence[CallEvent]) -> bool:
    """Whether a process refused a socket of the call for lack of capacity."""
    return any(event.data.get("note") == NOTE for event in log)


def _key(stream: str) -> str:
    return f"{NOTE}:{stream}"
