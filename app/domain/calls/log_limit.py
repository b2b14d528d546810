"""The bound of a call's event log: what the fold has to read with each webhook.

A carrier sends fewer than a hundred events of a call, and six for each reattachment. The notes of a
caller who presses keys have no end. A full log takes no more of them, and says so once. It still
takes every event that can end the call, or that answers a document of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.calls.record import CallTx
from providers.events import CallEvent, EventKind

MAX_EVENTS = 400
NEEDLESS = frozenset(
    {
        EventKind.NOTE,
        EventKind.LEG_FETCHED,
        EventKind.LEG_QUEUED,
        EventKind.LEG_RINGING,
        EventKind.LEG_ANSWERED,
        EventKind.MEDIA_STARTING,
    }
)
"""Kinds that tell nothing new after so many events, unless they are our own."""
FULL = "events.full"
OURS = "patchbay"
"""The source of our own events."""


def within(tx: CallTx, added: Sequence[CallEvent], log: Sequence[CallEvent]) -> list[CallEvent]:
    """Those of these events that a log of ``MAX_EVENTS`` takes; the others are counted."""
    kept = [event for event in added if event.kind not in NEEDLESS or event.source == OURS]
    for _ in range(len(added) - len(kept)):
        tx.context.event_dropped()
    if len(kept) < len(added) and all(event.key != FULL for event in log):
        at = tx.context.now()
        kept.append(CallEvent(EventKind.NOTE, at, FULL, data={"note": FULL, "events": len(log)}))
    return kept
