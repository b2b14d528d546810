"""Open calls that went quiet: the carrier's API is asked, and what it says is one more event.

Callbacks get lost. A call that is open and of which nothing was heard for RECONCILE_SECONDS is
asked about, and again after as long, while it is open; what the API says is recorded as the
callbacks would have been. Of a call nobody can explain the end is ``unknown-error``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.calls.apply import apply_events
from app.domain.calls.schedule import longest_forward
from app.domain.context import Context, Row
from app.domain.legs import outbound
from app.store import accounts, calls, events
from providers.base.rest import LegState
from providers.errors import ProviderError
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

GRACE_SECONDS = 60.0
"""Beyond what a call, or its forward, may last: quiet for that long, and unknown to the carrier, it is over."""
NEVER_CAME = "The carrier did not confirm the call, and no word of its leg came."

log = logging.getLogger(__name__)


def run(context: Context, payload: Mapping[str, Any]) -> float | None:
    """Handler of the job ``watchdog``; runs again until the call is over."""
    call_id, patience = payload["callId"], context.settings.reconcile_seconds
    with context.store.read() as conn:
        row = calls.get(conn, call_id)
        if row is None or row["status"] == CallStatus.ENDED:
            return None
        credential = accounts.get_credential(conn, row["credential_id"])
        quiet = _seconds(context, row, events.last_received(conn, call_id))
    if quiet < patience:
        return patience - quiet
    leg = _ask(context, row, credential)
    with context.store.write() as conn:
        found = calls.get(conn, call_id, lock=True)
        if found is None or found["status"] == CallStatus.ENDED:
            return None
        row = dict(found)
        quiet = _seconds(context, row, events.last_received(conn, call_id))
        _conclude(context, conn, row, leg, quiet)
        return None if row["status"] == CallStatus.ENDED else patience


def _seconds(context: Context, row: Mapping[str, Any], last: datetime | None) -> float:
    return (context.now() - (last or row["created_at"])).total_seconds()


def _ask(
    context: Context, row: Mapping[str, Any], credential: Mapping[str, Any] | None
) -> LegState | None:
    """None: the carrier knows nothing of it, or cannot be asked."""
    resolved = row["resolved"]
    if credential is None or "legRef" not in resolved:
        return None
    try:
        client = context.providers[row["provider"]].client(context.account(credential))
        return client.fetch(resolved["legRef"], api_url=resolved.get("apiUrl"))
    except ProviderError as error:  # an account without access to the API is no fault: bypass
        log.info(
            "call %s: the carrier cannot be asked: %s",
            row["id"],
            error,
            extra={"callId": row["id"]},
        )
        return None


def _conclude(
    context: Context, conn: Connection, row: Row, leg: LegState | None, quiet: float
) -> None:
    history = events.of_call(conn, row["id"])
    if leg is not None:
        apply_events(context, conn, row, _as_event(leg, history))
    elif quiet >= _longest(context, row) + GRACE_SECONDS:
        lost = CallEvent(
            EventKind.TIMER,
            at=context.now(),
            key="timer:watchdog",
            reason=EndedReason.UNKNOWN_ERROR,
        )
        apply_events(context, conn, row, [lost])
    elif (
        quiet >= context.settings.reconcile_seconds
        and "legRef" not in row["resolved"]
        and outbound.unanswered(history)
    ):
        outbound.fail(context, conn, row, "reconciled:no-leg", _end_reason(history))


def _longest(context: Context, row: Row) -> float:
    """Seconds the call may go on without a word."""
    forwarding = row["status"] == CallStatus.FORWARDING
    return longest_forward(context) if forwarding else float(row["max_duration"])


def _as_event(leg: LegState, history: Sequence[CallEvent]) -> list[CallEvent]:
    """Of what the API says, that which no callback told."""
    known = {event.kind for event in history}
    return [event for event in leg.events if event.kind not in known]


def _end_reason(history: Sequence[CallEvent]) -> dict[str, Any]:
    """What the carrier's API said when it was asked to dial, where it said anything."""
    told = [event.data for event in history if event.data.get("what") == "dial-unknown"]
    return {"error": told[-1]["error"] if told else NEVER_CAME}
