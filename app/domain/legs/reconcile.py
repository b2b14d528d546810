"""Open calls that went quiet: the carrier's API is asked, and what it says is one more event.

Callbacks get lost. A call that is open and of which nothing was heard for RECONCILE_SECONDS is
asked about, and again after as long, while it is open; what the API says is recorded as the
callbacks would have been. Of a call nobody can explain the end is ``unknown-error``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.record import Call, CallTx
from app.domain.calls.schedule import longest_forward
from app.domain.context import Context
from app.domain.legs import outbound
from app.store import accounts, events
from providers.base.rest import LegState
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import ProviderError
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

GRACE_SECONDS = 60.0
"""Beyond what a call, or its forward, may last: quiet for that long, and unknown to the carrier, it is over."""
NEVER_CAME = "The carrier did not confirm the call, and no word of its leg came."

log = logging.getLogger(__name__)


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``watchdog``; runs again until the call is over."""
    call_id, patience = payload["callId"], context.settings.reconcile_seconds
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None or call.status == CallStatus.ENDED:
            return None
        credential = accounts.get_credential(conn, call.credential_id)
        quiet = _seconds(context, call, events.last_received(conn, call_id))
    if quiet < patience:
        return patience - quiet
    leg = _ask(context, call, credential)
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is None or found.status == CallStatus.ENDED:
            return None
        tx = CallTx(context, conn, found)
        quiet = _seconds(context, found, events.last_received(conn, call_id))
        _conclude(tx, leg, quiet)
        return None if tx.call.status == CallStatus.ENDED else patience


def _seconds(context: Context, call: Call, last: datetime | None) -> float:
    return (context.now() - (last or call.created_at)).total_seconds()


def _ask(context: Context, call: Call, credential: JsonObject | None) -> LegState | None:
    """None: the carrier knows nothing of it, or cannot be asked."""
    leg = call.facts.leg_ref
    if credential is None or leg is None:
        return None
    try:
        client = context.providers[call.provider].client(context.account(credential))
        return client.fetch(leg, api_url=call.facts.api_url)
    except ProviderError as error:  # an account without access to the API is no fault: bypass
        log.info(
            "call %s: the carrier cannot be asked: %s",
            call.id,
            error,
            extra={"callId": call.id},
        )
        return None


def _conclude(tx: CallTx, leg: LegState | None, quiet: float) -> None:
    history = events.of_call(tx.conn, tx.call.id)
    if leg is not None:
        apply_events(tx, _as_event(leg, history))
    elif quiet >= _longest(tx.context, tx.call) + GRACE_SECONDS:
        lost = CallEvent(
            EventKind.TIMER,
            at=tx.context.now(),
            key="timer:watchdog",
            reason=EndedReason.UNKNOWN_ERROR,
        )
        apply_events(tx, [lost])
    elif (
        quiet >= tx.context.settings.reconcile_seconds
        and tx.call.facts.leg_ref is None
        and outbound.unanswered(history)
    ):
        outbound.fail(tx, "reconciled:no-leg", _end_reason(history))


def _longest(context: Context, call: Call) -> float:
    """Seconds the call may go on without a word."""
    forwarding = call.status == CallStatus.FORWARDING
    return longest_forward(context) if forwarding else float(call.max_duration)


def _as_event(leg: LegState, history: Sequence[CallEvent]) -> list[CallEvent]:
    """Of what the API says, that which no callback told."""
    known = {event.kind for event in history}
    return [event for event in leg.events if event.kind not in known]


def _end_reason(history: Sequence[CallEvent]) -> JsonDict:
    """What the carrier's API said when it was asked to dial, where it said anything."""
    told = [event.data for event in history if event.data.get("what") == "dial-unknown"]
    return {"error": told[-1]["error"] if told else NEVER_CAME}
