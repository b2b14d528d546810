"""What became of a leg whose media stream stopped, and of which nothing else is heard.

A stopped stream mostly means that the caller hung up. But the owner may have sent the leg
elsewhere, such as to a queue, and then the leg lives on. Only the carrier's API knows, so it is
asked once before the ended reason is settled.
https://docs.vapi.ai/calls/call-queue-management
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.domain.calls import record
from app.domain.calls.apply import apply_events, finalize, state_of
from app.domain.calls.record import CallTx
from app.domain.calls.timer_jobs import STOPPED
from app.domain.context import Context
from app.domain.legs.leg_at_carrier import leg_at_carrier
from app.store import accounts
from providers.base.rest import LegState
from providers.events import CallEvent, EndedReason, EventKind

KEY = "stopped:asked"
NOT_ASKED = "The media stream stopped, and the carrier could not be asked about the leg."


def run(context: Context, payload: Mapping[str, str]) -> None:
    """Handler of the job ``stopped``: ask, store the answer as an event, settle the reason."""
    call_id = payload["callId"]
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None or call.settled_at is not None:
            return
        credential = accounts.get_credential(conn, call.credential_id)
    leg = leg_at_carrier(context, call, credential)
    with context.store.write() as conn:
        locked = record.get(conn, call_id, lock=True)
        if locked is None or locked.settled_at is not None:
            return
        tx = CallTx(context, conn, locked)
        if state_of(tx).inferred:  # else a callback has told it meanwhile
            apply_events(tx, told_by(leg, locked.ended_at or context.now()))
        finalize(tx)


def told_by(leg: LegState | None, at: datetime) -> list[CallEvent]:
    """The events of the carrier's answer. A leg that is up has outlived its stream.

    Without an answer the cause is not known, and the reason says no more than that.
    """
    ends = [event for event in leg.events if event.kind is EventKind.LEG_ENDED] if leg else []
    if ends:
        return ends
    reason = EndedReason.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET
    if leg is not None:
        data = {"what": STOPPED, "word": leg.word}
        return [CallEvent(EventKind.LEG_CONTINUED, at, KEY, reason=reason, data=data)]
    data = {"what": STOPPED, "error": NOT_ASKED}
    return [CallEvent(EventKind.MEDIA_STOPPED, at, KEY, reason=reason, data=data)]
