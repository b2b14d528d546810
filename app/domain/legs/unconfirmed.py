"""A dialled call whose create-call request has no answer: the carrier is asked for its leg.

The request failed, or the process died after it had stored that it would send it. The leg's first
callback names the call. If none comes, the carrier's API lists the calls of that time between the
two parties:

- One leg that no other call has. It is this call's, which goes on.
- No leg, and the process died. The call was never dialled: ``server-shutdown``.
- No leg, and the request failed. The carrier's "failed to connect", with its error.
- Several legs, or no answer. The carrier is asked some more times; then it is ``unknown-error``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from app.domain.calls import record
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs import outbound
from providers.base.rest import LegState, Window
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import ProviderError
from providers.events import CallEvent, EndedReason

CLOCKS = timedelta(seconds=10)
"""How far the carrier's clock may be from ours, and a request from its note."""
LONGEST_REQUEST = timedelta(seconds=30)
"""How long after its note a request may reach the carrier."""
ROUNDS, LOOKS = 2, 6
"""After so many times RECONCILE_SECONDS nothing more is expected of the carrier.
In each it is asked so often."""

NEVER_DIALLED = (
    "The process stopped while it asked the carrier to dial. The carrier has no such call,"
    " and was not asked again."
)
NEVER_CAME = (
    "The process stopped while it dialled the call. The carrier could not say whether it placed"
    " the call, and no word of its leg came."
)
NO_SUCH_CALL = "The carrier has no such call."

log = logging.getLogger(__name__)


def is_open(call: Call, history: Sequence[CallEvent]) -> bool:
    """Whether the carrier may have placed this call, and its leg is not known."""
    return call.facts.leg_ref is None and outbound.unanswered(history)


def next_look(tx: CallTx, history: Sequence[CallEvent]) -> float:
    """Seconds until the carrier is asked again about a call that may be open."""
    patience = tx.context.settings.reconcile_seconds
    return patience / LOOKS if is_open(tx.call, history) else patience


def ask(
    context: Context, call: Call, credential: JsonObject | None, history: Sequence[CallEvent]
) -> Sequence[LegState] | None:
    """The legs that may be this call's; None when the carrier need not or cannot be asked."""
    noted = [event for event in history if event.data.get("what") == "dial"]
    if credential is None or not noted or not is_open(call, history):
        return None
    to, at = noted[-1].data["to"], noted[-1].at
    window = Window(at - CLOCKS, at + LONGEST_REQUEST + CLOCKS)
    try:
        client = context.providers[call.provider].client(context.account(credential))
        return client.find_placed(to, call.facts.number or "", window)
    except ProviderError as error:
        log.info(
            "call %s: the carrier cannot be asked for its leg: %s",
            call.id,
            error,
            extra={"callId": call.id},
        )
        return None


def conclude(
    tx: CallTx, history: Sequence[CallEvent], found: Sequence[LegState] | None, quiet: float
) -> None:
    """Bind the leg that was found, or end the call as it is known."""
    free = None if found is None else [leg for leg in found if _is_free(tx, leg)]
    if free == []:
        _end_undialled(tx, history)
    elif free is not None and len(free) == 1:
        outbound.bind(tx, free[0].leg, free[0].events)
    elif quiet >= ROUNDS * tx.context.settings.reconcile_seconds:
        data = {"error": _error(history) or NEVER_CAME}
        outbound.fail(tx, "reconciled:no-answer", data, EndedReason.UNKNOWN_ERROR)


def _is_free(tx: CallTx, leg: LegState) -> bool:
    """Whether this leg is of no other call."""
    known = record.find_by_ref(tx.conn, tx.call.provider, leg.leg.leg_ref, {tx.call.org_id})
    return known is None or known.id == tx.call.id


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
