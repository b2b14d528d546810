"""Hang up an outbound leg by the carrier's API, after its call has ended or is deleted.

The end of the call is committed before.
A bypass leg is never hung up here: it returns to its flow, or its document ends.
An outbound leg's document ends, too, when its media socket closes.
So the API is needed only for legs without a socket, and for legs that outlive it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from app.domain.calls import record
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx
from app.domain.calls.state import CallState, fold
from app.domain.context import Context
from app.store import accounts, events
from app.store.vault import WrongKey, of_text, to_text
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured
from providers.events import CallStatus, EndedReason, EventKind

JOB = "hang-up"
LAST_WORDS_SECONDS = 5.0
"""How long an assistant that ends the call may still speak before the API hangs up."""
RETRY_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
"""How long after the end hang-ups are retried. Then the carrier's time limit ends the leg."""

AT_ONCE = {EndedReason.MANUALLY_CANCELED, EndedReason.EXCEEDED_MAX_DURATION}
TRANSFERRED = {
    EndedReason.ASSISTANT_FORWARDED_CALL,
    EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER,
    EndedReason.CALL_RINGING_HOOK_EXECUTED_TRANSFER,
    EndedReason.CALL_ENDING_HOOK_EXECUTED_TRANSFER,
}
"""Ended reasons of calls whose leg is connected to a destination."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A leg to hang up. ``credential`` is the row of its account, with the secret sealed."""

    call_id: str
    provider: str
    leg_ref: str
    api_url: str | None
    credential: JsonObject = field(repr=False)
    since: datetime
    """The time of the call's end."""


def hang_up_leg(change: Change) -> None:
    """Queue the hang-up of an ended call's leg, if the leg is outbound and not transferred."""
    call, state = change.tx.call, change.state
    if call.bypass or _was_transferred(call, state):
        return
    now = not state.joined or state.ended_reason in AT_ONCE
    delay = 0.0 if now else LAST_WORDS_SECONDS
    _enqueue(change.tx.context, change.tx.conn, call.id, delay=delay)


def enqueue_deleted(tx: CallTx) -> None:
    """Queue the hang-up of the leg of a call that is about to be deleted.

    The carrier may not have confirmed the leg yet. Then the job that dials it queues the hang-up.
    """
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    leg = None if tx.call.bypass else _leg_that_is_up(tx.conn, tx.call)
    if credential is None or leg is None:
        return
    state = fold(events.of_call(tx.conn, tx.call.id), tx.carrier.never_answered)
    if state.status is CallStatus.ENDED and _was_transferred(tx.call, state):
        return
    enqueue_lost_leg(tx.context, tx.conn, tx.call.id, leg, credential, tx.call.facts.api_url)


def enqueue_lost_leg(
    context: Context,
    conn: Connection,
    call_id: str,
    leg_ref: str,
    credential: JsonObject,
    api_url: str | None = None,
    *,
    name: str = "",
) -> None:
    """Queue the hang-up of the leg of a deleted call. The job has all its data.

    It has the account's sealed secret, too, because the account may be deleted before it runs.
    ``name``: tells the job of another leg than the call's own from that one's.
    """
    leg = {
        "ref": leg_ref,
        "apiUrl": api_url,
        "provider": credential["provider"],
        "credentialId": credential["id"],
        "accountRef": credential["account_ref"],
        "sealed": to_text(credential["secret"]) if credential["secret"] else None,
        "since": context.now().isoformat(),
    }
    _enqueue(context, conn, call_id, {"leg": leg}, name=name)


def _enqueue(
    context: Context,
    conn: Connection,
    call_id: str,
    more: JsonObject | None = None,
    delay: float = 0.0,
    name: str = "",
) -> None:
    payload = {"callId": call_id, **(more or {})}
    key, lock = f"{JOB}:{call_id}{name}", f"leg:{call_id}"
    context.jobs.enqueue(conn, JOB, key, payload, delay=delay, lock=lock)


def run(context: Context, payload: JsonObject) -> float | None:
    """Handler of the job ``hang-up``. A leg that is over already counts as hung up."""
    target = _of_deleted(payload) if "leg" in payload else _still_up(context, payload["callId"])
    if target is None:
        return None
    try:
        client = context.providers[target.provider].client(context.account(target.credential))
        client.hang_up(target.leg_ref, api_url=target.api_url)
    except CarrierError as error:
        return None if error.gone else _retry_delay(context, target, error)
    except (NotConfigured, WrongKey) as error:
        log.error(
            "call %s: its leg cannot be hung up: %s",
            target.call_id,
            error,
            extra={"callId": target.call_id},
        )
    return None


def _still_up(context: Context, call_id: str) -> Target | None:
    """The leg of an ended call, if it is still up; None when there is nothing to hang up."""
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        if call is None or call.status != CallStatus.ENDED or call.ended_at is None:
            return None
        leg = _leg_that_is_up(conn, call)
        credential = accounts.get_credential(conn, call.credential_id)
    if leg is None or credential is None:
        return None
    return Target(call_id, call.provider, leg, call.facts.api_url, credential, call.ended_at)


def _of_deleted(payload: JsonObject) -> Target:
    """The leg that ``enqueue_lost_leg`` stored in the payload."""
    leg = payload["leg"]
    credential = {
        "id": leg["credentialId"],
        "provider": leg["provider"],
        "account_ref": leg["accountRef"],
        "secret": of_text(leg["sealed"]) if leg["sealed"] else None,
    }
    since = datetime.fromisoformat(leg["since"])
    return Target(payload["callId"], leg["provider"], leg["ref"], leg["apiUrl"], credential, since)


def _was_transferred(call: Call, state: CallState) -> bool:
    """Whether an ended call's leg went to a destination or back to its flow."""
    returned = state.joined and call.body.get("phoneCallProviderReturnUrl")
    return bool(returned) or state.ended_reason in TRANSFERRED


def _leg_that_is_up(conn: Connection, call: Call) -> str | None:
    """The call's own leg, unless it is known to be over."""
    over = any(event.kind is EventKind.LEG_ENDED for event in events.of_call(conn, call.id))
    return None if over else call.facts.leg_ref


def _retry_delay(context: Context, target: Target, error: CarrierError) -> float | None:
    since = (context.now() - target.since).total_seconds()
    if error.permanent or since > PATIENCE_SECONDS:
        log.error(
            "call %s: its leg was not hung up: %s",
            target.call_id,
            error,
            extra={"callId": target.call_id},
        )
        return None
    return RETRY_SECONDS
