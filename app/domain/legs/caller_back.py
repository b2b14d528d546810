"""Take the caller out of the room of a warm transfer: to the assistant, or to the flow.

The carrier is told to run another document. Each attempt has tokens of its own, and the socket that
joins last counts. So a request that is sent again, after a crash, does no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from app.domain.calls import instructions, record
from app.domain.calls.apply import Change, folded
from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call, CallTx
from app.domain.calls.state import CallState
from app.domain.context import Context
from app.domain.legs import hangup, transfer, warm_jobs
from app.domain.legs.warm_steps import progress
from app.store import accounts
from app.store.vault import WrongKey
from providers.base.instructions import Instruction
from providers.errors import CarrierError, NotConfigured
from providers.events import CallEvent, CallStatus, EventKind

RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long after the end the carrier is asked."""

log = logging.getLogger(__name__)


def release(change: Change) -> None:
    """The reaction to a call's end: the room of its transfer is left empty."""
    tx, pending = change.tx, change.tx.call.facts.forward
    if pending is None or not transfer.is_warm(pending):
        return
    warm_jobs.hang_up(tx, pending.id)
    if _is_held(change.log, change.state, pending.id):
        warm_jobs.bring_back(tx)


def enqueue_deleted(tx: CallTx) -> None:
    """Queue the hang-ups of the legs in a transfer of a call that is about to be deleted.

    No document follows the room then. Caller and operator who are together are left alone.
    """
    pending = tx.call.facts.forward
    if pending is None or not transfer.is_warm(pending):
        return
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    if credential is None:
        return
    log_of_call, state = folded(tx)
    known = progress(log_of_call, pending.id)
    if known.connected or not _is_held(log_of_call, state, pending.id):
        return
    theirs = None if known.outcome else known.operator_ref
    for leg in filter(None, (theirs, tx.call.facts.leg_ref if tx.call.bypass else None)):
        at, name = tx.call.facts.api_url, f":{leg}"
        hangup.enqueue_lost_leg(tx.context, tx.conn, tx.call.id, leg, credential, at, name=name)


def run(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``caller-back``."""
    with context.store.write() as conn:
        call = record.get(conn, payload["callId"], lock=True)
        if call is None or call.facts.leg_ref is None:
            return None
        tx = CallTx(context, conn, call)
        credential = accounts.get_credential(conn, call.credential_id)
        following = _following(tx)
    if not following or credential is None:
        return None
    try:
        client = client_of(context, call, credential)
        client.replace_document(call.facts.leg_ref, following, api_url=call.facts.api_url)
    except CarrierError as error:
        if error.gone or error.permanent:
            log.warning("call %s: its caller cannot be taken back: %s", call.id, error)
            return None
        return None if _is_over_for_long(context, call) else RETRY_SECONDS
    except (NotConfigured, WrongKey) as error:
        log.error("call %s: its caller cannot be taken back: %s", call.id, error)
    return None


def _following(tx: CallTx) -> Sequence[Instruction]:
    """What the caller's leg does next; nothing if it is not in the room."""
    pending = tx.call.facts.forward
    log_of_call, state = folded(tx)
    if pending is None or not _is_held(log_of_call, state, pending.id):
        return []
    if state.status is CallStatus.ENDED:
        return instructions.return_leg(tx.call)
    if state.status is not CallStatus.IN_PROGRESS:
        return []
    given = instructions.tokens_for(tx, None)
    return [instructions.connect(tx.context, tx.call, given)]


def _is_over_for_long(context: Context, call: Call) -> bool:
    """A call that goes on is bounded by the timer that waits for its media socket."""
    over = call.ended_at
    return over is not None and (context.now() - over).total_seconds() > PATIENCE_SECONDS


def _is_held(log_of_call: Sequence[CallEvent], state: CallState, forward_id: str) -> bool:
    """Whether the caller was sent into this transfer's room, and is known neither elsewhere nor gone.

    Of an earlier transfer, only a room that was left is known: another one has its own.
    """
    of_it = {e.kind for e in log_of_call if e.data.get("forward") == forward_id}
    if EventKind.REATTACHED not in of_it or EventKind.FORWARD_ENDED in of_it:
        return False
    return not state.streams and all(e.kind is not EventKind.LEG_ENDED for e in log_of_call)
