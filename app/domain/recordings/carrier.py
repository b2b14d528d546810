"""Having the carrier record a leg: started once, stopped with the call, told of.

A leg is recorded from the moment the assistant is in. Whether, says ``assistant/recording.py``; what
is recorded is fetched by ``recordings/files.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant.recording import by_carrier
from app.domain.calls import instructions
from app.domain.calls.apply import Change
from app.domain.context import Context, Row, new_id
from app.domain.reporting import pending
from app.store import accounts, calls, events, recordings
from app.store.recordings import FAILED, READY, STARTED
from app.store.vault import digest, new_token
from providers.base.rest import CarrierClient
from providers.base.webhook import HookKind
from providers.errors import CarrierError, NotConfigured, ProviderError
from providers.events import CallEvent, CallStatus, EventKind

START, STOP, FETCH = "record", "record-stop", "recording"
"""Kinds of jobs."""
ARTIFACT = "recording"
"""Its name among what a report waits for."""
CARRIER = "carrier"
STEREO = "stereo"
TELLS_OF_RECORDING = frozenset({EventKind.RECORDED, EventKind.RECORDING_FAILED})
BUSY_SECONDS = 2.0
RETRY_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
"""After the call's end, for stopping a recording. Then it ends with its leg."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What the carrier is asked for a call's leg."""

    leg_ref: str
    api_url: str | None
    recording: Mapping[str, Any]
    client: CarrierClient = field(repr=False)
    report_url: str = field(default="", repr=False)


def begin(change: Change) -> None:
    """The assistant is in. However often it comes in, there is one recording."""
    context, conn, row = change.context, change.conn, change.row
    if not by_carrier(row) or recordings.of_call(conn, row["id"]):
        return
    pending.expect(conn, row, ARTIFACT)
    if context.providers[row["provider"]].records_in_markup:
        _insert(context, conn, row, "", STARTED)  # it runs: what brought the assistant in began it
    else:
        _enqueue(context, conn, row, START)


def end(change: Change) -> None:
    """The call is over; its leg may go on in the flow it came from, unrecorded."""
    context, row = change.context, change.row
    by_api = not context.providers[row["provider"]].records_in_markup
    if by_api and by_carrier(row) and row["started_at"] is not None:
        _enqueue(context, change.conn, row, STOP)


def take(change: Change) -> None:
    """Fetch the recordings that the carrier's events name; named again, they are the same ones."""
    for event in change.added:
        if event.kind in TELLS_OF_RECORDING:
            _take(change.context, change.conn, change.row, event)


def _take(context: Context, conn: Connection, row: Row, event: CallEvent) -> None:
    ref = str(event.data.get("recordingRef") or "")[:128]
    found = next((r for r in recordings.of_call(conn, row["id"]) if r["ref"] in (ref, "")), None)
    if event.kind is EventKind.RECORDING_FAILED:
        if found is not None and found["state"] == STARTED:
            recordings.update(conn, found["id"], {"ref": ref, "state": FAILED})
            pending.resolve(context, conn, row, ARTIFACT)
        return
    if not ref or (found is not None and found["state"] not in {STARTED, FAILED}):
        return
    recording_id = found["id"] if found else _insert(context, conn, row, ref, READY)
    values = {"ref": ref, "url": event.data.get("recordingUrl"), "state": READY}
    recordings.update(conn, recording_id, values)
    payload = {"recordingId": recording_id}
    context.jobs.enqueue(conn, FETCH, f"{FETCH}:{recording_id}", payload)


# ------------------------------------------------------------------ the carrier is asked


def start(context: Context, payload: Mapping[str, Any]) -> float | None:
    """Handler of the job that has a recording started: committed first, and then asked for once.

    A request that timed out may have been heard: its recording is adopted when it is told of.
    """
    order = _begin(context, payload["callId"])
    if order is None:
        return None
    try:
        ref = order.client.start_recording(order.leg_ref, order.report_url, api_url=order.api_url)
    except ProviderError as error:
        return _refused(context, order, error)
    with context.store.write() as conn:
        found = recordings.get(conn, order.recording["id"])
        if found is not None and ref and not found["ref"]:
            recordings.update(conn, found["id"], {"ref": ref})
    return None


def _begin(context: Context, call_id: str) -> Order | None:
    with context.store.write() as conn:
        found = calls.get(conn, call_id, lock=True)
        if found is None or recordings.of_call(conn, call_id):
            return None
        row = dict(found)
        if row["status"] == CallStatus.ENDED or "legRef" not in row["resolved"]:
            pending.resolve(context, conn, row, ARTIFACT)
            return None
        recording_id = _insert(context, conn, row, "", STARTED)
        return _order(
            context, conn, row, {"id": recording_id, "ref": ""}, _report_url(context, conn, row)
        )


def _refused(context: Context, order: Order, error: ProviderError) -> float | None:
    """Nothing was done: again, or never. Else it may be recording: the carrier will tell."""
    busy = isinstance(error, CarrierError) and error.busy
    if not busy and isinstance(error, CarrierError) and not error.permanent:
        return None
    with context.store.write() as conn:
        recording = recordings.get(conn, order.recording["id"])
        found = calls.get(conn, recording["call_id"], lock=True) if recording else None
        if recording is None or found is None:
            return None
        if busy:
            recordings.delete(conn, recording["id"])
            return BUSY_SECONDS
        failed(context, conn, dict(found), recording, str(error))
    return None


def stop(context: Context, payload: Mapping[str, Any]) -> float | None:
    """Handler of the job that stops what is still being recorded of a call that is over."""
    with context.store.read() as conn:
        row = calls.get(conn, payload["callId"])
        recording = next(iter(recordings.of_call(conn, payload["callId"])), None)
        if row is None or recording is None or not recording["ref"]:
            return None
        if recording["state"] != STARTED:
            return None
        order = _order(context, conn, row, recording)
    if order is None:
        return None
    try:
        order.client.stop_recording(order.leg_ref, recording["ref"], api_url=order.api_url)
    except CarrierError as error:
        late = (context.now() - row["ended_at"]).total_seconds() > PATIENCE_SECONDS
        if not error.gone and not error.permanent and not late:
            return RETRY_SECONDS
        if not error.gone:
            log.error(
                "call %s: its recording was not stopped: %s",
                row["id"],
                error,
                extra={"callId": row["id"]},
            )
    return None


def failed(
    context: Context, conn: Connection, row: Row, recording: Mapping[str, Any], why: str
) -> None:
    """It will never be had; the event log says why."""
    recordings.update(conn, recording["id"], {"state": FAILED})
    data = {"what": "recording-failed", "error": why, "recordingRef": recording["ref"]}
    key = f"recording-failed:{recording['id']}"
    events.append(
        conn, row["id"], CallEvent(EventKind.NOTE, context.now(), key, data=data), context.now()
    )
    log.error("call %s has no recording: %s", row["id"], why, extra={"callId": row["id"]})
    pending.resolve(context, conn, row, ARTIFACT)


# ------------------------------------------------------------------ parts


def _insert(context: Context, conn: Connection, row: Row, ref: str, state: str) -> str:
    recording_id = new_id()
    recordings.insert(
        conn,
        {
            "id": recording_id,
            "call_id": row["id"],
            "org_id": row["org_id"],
            "kind": STEREO,
            "source": CARRIER,
            "ref": ref,
            "state": state,
            "attempts": 0,
            "created_at": context.now(),
        },
    )
    return recording_id


def _order(
    context: Context,
    conn: Connection,
    row: Mapping[str, Any],
    recording: Mapping[str, Any],
    report_url: str = "",
) -> Order | None:
    """None when the account was deleted, or has not what it takes any more."""
    credential = accounts.get_credential(conn, row["credential_id"])
    if credential is None:
        return None
    try:
        client = context.providers[row["provider"]].client(context.account(credential))
    except NotConfigured as error:
        log.error(
            "call %s: its leg cannot be recorded: %s", row["id"], error, extra={"callId": row["id"]}
        )
        return None
    resolved = row["resolved"]
    return Order(resolved["legRef"], resolved.get("apiUrl"), recording, client, report_url)


def _report_url(context: Context, conn: Connection, row: Row) -> str:
    """With a callback token of its own: those of the documents are kept as digests."""
    token = new_token()
    calls.insert_tokens(
        conn,
        [
            {
                "digest": digest(token),
                "call_id": row["id"],
                "purpose": instructions.CALLBACK,
                "created_at": context.now(),
                "expires_at": None,
            }
        ],
    )
    provider = context.providers[row["provider"]]
    return instructions.hook_url(context, provider, HookKind.RECORDING, token)


def _enqueue(context: Context, conn: Connection, row: Row, kind: str) -> None:
    payload = {"callId": row["id"]}
    context.jobs.enqueue(conn, kind, f"{kind}:{row['id']}", payload, lock=f"leg:{row['id']}")
