"""Ending a leg we dialled, once its call is over. The decision was committed before.

A leg that a flow brought is never hung up here: it goes back to its flow, or runs out of markup.
Markup ends a dialled leg as well, as soon as its media socket is closed; the carrier's API is for
legs that have no socket yet, and for those that outlive it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.call import CallState
from app.domain.core import Core, Row
from app.store import accounts, calls, events
from providers.errors import CarrierError, NotConfigured
from providers.events import CallStatus, EndedReason, EventKind

JOB = "hang-up"
LAST_WORDS_SECONDS = 5.0
"""What an assistant that ends the call may still say; longer, and its leg outlives its socket."""
RETRY_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
"""After the end. Then the leg is left to the time limit the carrier was given with it."""

AT_ONCE = {EndedReason.MANUALLY_CANCELED, EndedReason.EXCEEDED_MAX_DURATION}
ELSEWHERE = {
    EndedReason.ASSISTANT_FORWARDED_CALL,
    EndedReason.ASSISTANT_REQUEST_RETURNED_FORWARDING_PHONE_NUMBER,
}
"""The leg is connected to somebody else, and is theirs."""

log = logging.getLogger(__name__)


def order(core: Core, conn: Connection, row: Row, state: CallState) -> None:
    """Have the leg of a call that is over hung up, if it is ours to hang up."""
    returns = state.joined and row["body"].get("phoneCallProviderReturnUrl")
    if row["bypass"] or returns or state.ended_reason in ELSEWHERE:
        return
    now = not state.joined or state.ended_reason in AT_ONCE
    core.jobs.enqueue(
        conn,
        JOB,
        f"{JOB}:{row['id']}",
        {"callId": row["id"]},
        delay=0.0 if now else LAST_WORDS_SECONDS,
        lock=f"leg:{row['id']}",
    )


def run(core: Core, payload: Mapping[str, Any]) -> float | None:
    """Handler of the job. A leg that is over already counts as done."""
    found = _still_up(core, payload["callId"])
    if found is None:
        return None
    row, credential = found
    try:
        client = core.providers[row["provider"]].client(core.account(credential))
        client.hang_up(row["resolved"]["legRef"], api_url=row["resolved"].get("apiUrl"))
    except CarrierError as error:
        return None if error.gone else _again(core, row, error)
    except NotConfigured as error:
        log.error("call %s: its leg cannot be hung up: %s", row["id"], error)
    return None


def _still_up(core: Core, call_id: str) -> tuple[Row, Mapping[str, Any]] | None:
    """The call and its account; None when there is nothing to hang up, or not yet."""
    with core.store.read() as conn:
        row = calls.get(conn, call_id)
        if row is None or row["status"] != CallStatus.ENDED or "legRef" not in row["resolved"]:
            return None
        if any(event.kind is EventKind.LEG_ENDED for event in events.of_call(conn, call_id)):
            return None
        credential = accounts.get_credential(conn, row["credential_id"])
    return (dict(row), credential) if credential else None


def _again(core: Core, row: Row, error: CarrierError) -> float | None:
    since = (core.now() - row["ended_at"]).total_seconds()
    if error.permanent or since > PATIENCE_SECONDS:
        log.error("call %s: its leg was not hung up: %s", row["id"], error)
        return None
    return RETRY_SECONDS
