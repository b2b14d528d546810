"""A dialled call whose create-call request has no answer: the carrier is asked for its leg.

The request failed, or the process died after it had stored that it would send it. The leg's first
callback names the call. If none comes, the carrier's API lists the calls of that time between the
two parties:

- One leg that no other call has. It is this call's, which goes on.
- No leg, and the process died. The call was never dialled: ``server-shutdown``.
- No leg, and the request failed. The carrier's "failed to connect", with its error.
- Several legs, or no answer. The carrier is asked again, at last it is ``unknown-error``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs import outbound
from app.store import calls
from app.store.vault import WrongKey
from providers.base.rest import LegState, Window
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import ProviderError
from providers.events import CallEvent, EndedReason, EventKind

UNCLEAR = "dial-unclear"
"""The note of a look for the leg that told nothing."""
CLOCKS = timedelta(seconds=10)
"""How far the carrier's clock may be from ours, and a request from its note."""
LONGEST_REQUEST = timedelta(seconds=30)
"""How long after its note a request may reach the carrier."""
LOOKS = 7
"""How often the carrier is asked. The first look is after RECONCILE_SECONDS.
The others take as long together."""

NEVER_DIALLED = (
    "The process stopped while it asked the carrier to dial. The carrier has no such call,"
    " and was not asked again."
)
NEVER_CAME = (
    "The process stopped while it dialled the call. The carrier could not say whether it placed"
    " the call, and no word of its leg came."
)
NO_SUCH_CALL = "The carrier has no such call."
SEVERAL = "The carrier has several calls that may be this one."
NOT_ASKED = "There was no reason to ask the carrier."
NO_ACCOUNT = "The carrier account was deleted."

log = logging.getLogger(__name__)


def is_open(call: Call, history: Sequence[CallEvent]) -> bool:
    """Whether the carrier may have placed this call, and its leg is not known."""
    return call.facts.leg_ref is None and outbound.unanswered(history)


def patience(context: Context, call: Call, history: Sequence[CallEvent]) -> float:
    """Seconds without an event after which the carrier is asked, for the first time or again."""
    seconds = context.settings.reconcile_seconds
    return seconds / (LOOKS - 1) if is_open(call, history) and _looks(history) else seconds


def ask(
    context: Context, call: Call, credential: JsonObject | None, history: Sequence[CallEvent]
) -> Sequence[LegState] | str:
    """The legs that may be this call's, or why they are not known."""
    noted = [event for event in history if event.data.get("what") == "dial"]
    if not is_open(call, history) or not noted:
        return NOT_ASKED
    if credential is None:
        return NO_ACCOUNT
    to, at = noted[-1].data["to"], noted[-1].at
    window = Window(at - CLOCKS, at + LONGEST_REQUEST + CLOCKS)
    try:
        client = client_of(context, call, credential)
        return client.find_placed(to, call.facts.number or "", window)
    except (ProviderError, WrongKey) as error:
        return str(error)


def conclude(tx: CallTx, history: Sequence[CallEvent], found: Sequence[LegState] | str) -> None:
    """Bind the leg that was found, or end the call as it is known."""
    free = [] if isinstance(found, str) else [leg for leg in found if _is_free(tx, leg)]
    if isinstance(found, str) or len(free) > 1:
        _look_again(tx, history, found if isinstance(found, str) else SEVERAL)
    elif free and _take(tx, free[0]):
        outbound.bind(tx, free[0].leg, free[0].events)
    else:
        _end_undialled(tx, history)


def _look_again(tx: CallTx, history: Sequence[CallEvent], why: str) -> None:
    """Note that this look told nothing. After the last one the call ends."""
    look = 1 + _looks(history)
    log.info(
        "call %s: look %d for its leg: %s", tx.call.id, look, why, extra={"callId": tx.call.id}
    )
    if look >= LOOKS:
        data = {"error": _error(history) or NEVER_CAME}
        outbound.fail(tx, "reconciled:no-answer", data, EndedReason.UNKNOWN_ERROR)
        return
    data = {"what": UNCLEAR, "error": why}
    note = CallEvent(EventKind.NOTE, tx.context.now(), f"{UNCLEAR}:{look}", data=data)
    apply_events(tx, [note])


def _looks(history: Sequence[CallEvent]) -> int:
    """How many looks for the leg have told nothing."""
    return sum(event.data.get("what") == UNCLEAR for event in history)


def _is_free(tx: CallTx, leg: LegState) -> bool:
    """Whether this leg is of no other call."""
    known = record.find_by_ref(tx.conn, tx.call.provider, leg.leg.leg_ref, {tx.call.org_id})
    return known is None or known.id == tx.call.id


def _take(tx: CallTx, leg: LegState) -> bool:
    """Map the leg to this call. False: it is another call's since ``_is_free``.

    Two such calls between the same parties may find one leg in the same moment. The claim waits
    for the other's transaction.
    """
    provider, org_id = tx.call.provider, tx.call.org_id
    claimed = calls.claim_ref(tx.conn, provider, org_id, leg.leg.leg_ref, tx.call.id)
    return claimed or _is_free(tx, leg)


def _end_undialled(tx: CallTx, history: Sequence[CallEvent]) -> None:
    if error := _error(history):
        outbound.fail(tx, "reconciled:no-leg", {"error": f"{error} {NO_SUCH_CALL}"})
        return
    data: JsonDict = {"error": NEVER_DIALLED}
    outbound.fail(tx, "reconciled:no-leg", data, EndedReason.SERVER_SHUTDOWN)


def _error(history: Sequence[CallEvent]) -> str | None:
    """The error of the last create-call request; None when the process died with it."""
    noted = [event.data for event in history if event.data.get("what") in ("dial", "dial-unknown")]
    return str(noted[-1]["error"]) if noted[-1]["what"] == "dial-unknown" else None
