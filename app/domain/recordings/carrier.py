"""The carrier's recording of a leg: started once, stopped with the call, reported by webhook.

A recording starts when the assistant joins. ``assistant/recording.py`` decides whether a leg is
recorded, and ``recordings/files.py`` fetches the file.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.calls import instructions, record
from app.domain.calls.apply import Change
from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.recordings import stored, upload_message
from app.domain.recordings.stored import Recording
from app.domain.reporting import pending
from app.store import accounts, events, recordings
from app.store.again import one_transaction
from app.store.ids import new_id
from app.store.recordings import FAILED, READY, STARTED
from app.store.vault import WrongKey
from providers.base.rest import CarrierClient
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured, ProviderError
from providers.events import CallEvent, CallStatus, EventKind

START, STOP, FETCH = "record", "record-stop", "recording"
"""Kinds of jobs."""
ARTIFACT = "recording"
"""The name under which the report waits for it."""
CARRIER = "carrier"
STEREO = "stereo"
TELLS_OF_RECORDING = frozenset({EventKind.RECORDED, EventKind.RECORDING_FAILED})
BUSY_SECONDS = 2.0
RETRY_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
"""Seconds after the call's end to try to stop a recording. Later it ends with its leg."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """A request to the carrier about the recording of a leg."""

    recording_id: str
    leg_ref: str
    api_url: str | None
    client: CarrierClient = field(repr=False)
    report_url: str = field(default="", repr=False)


def begin(change: Change) -> None:
    """Start the recording when the assistant joins: one per call, even if it joins again."""
    tx = change.tx
    if not tx.call.facts.recorded or stored.of_call(tx.conn, tx.call.id):
        return
    pending.expect(tx, ARTIFACT)
    if tx.carrier.records_in_markup:
        _insert(tx, "", STARTED)  # the markup has started it
    else:
        _enqueue(tx, START)


def end(change: Change) -> None:
    """Stop the recording: the leg may go on in its own flow after the call."""
    tx = change.tx
    by_api = not tx.carrier.records_in_markup
    if by_api and tx.call.facts.recorded and tx.call.started_at is not None:
        _enqueue(tx, STOP)


def take(change: Change) -> None:
    """Fetch the recordings that the carrier's events name, each once."""
    for event in change.added:
        if event.kind in TELLS_OF_RECORDING:
            _take(change.tx, event)


def _take(tx: CallTx, event: CallEvent) -> None:
    ref = str(event.data.get("recordingRef") or "")[:128]
    found = next((r for r in stored.of_call(tx.conn, tx.call.id) if r.ref in (ref, "")), None)
    if event.kind is EventKind.RECORDING_FAILED:
        if found is not None and found.state == STARTED:
            recordings.update(tx.conn, found.id, {"ref": ref, "state": FAILED})
            pending.resolve(tx, ARTIFACT)
        return
    if not ref or (found is not None and found.state not in {STARTED, FAILED}):
        return
    recording_id = found.id if found else _insert(tx, ref, READY)
    values = {"ref": ref, "url": event.data.get("recordingUrl"), "state": READY}
    recordings.update(tx.conn, recording_id, values)
    payload = {"recordingId": recording_id}
    tx.context.jobs.enqueue(tx.conn, FETCH, f"{FETCH}:{recording_id}", payload)


# ------------------------------------------------------------------ requests to the carrier


def start(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job that starts a recording. It commits first, then asks the carrier once.

    A request that timed out may still have started one: the carrier's callback then names it.
    """
    order = _begin(context, payload["callId"])
    if order is None:
        return None
    try:
        ref = order.client.start_recording(order.leg_ref, order.report_url, api_url=order.api_url)
    except ProviderError as error:
        return _refused(context, order, error)
    with context.store.write() as conn:
        found = stored.get(conn, order.recording_id)
        if found is not None and ref and not found.ref:
            recordings.update(conn, found.id, {"ref": ref})
    return None


@one_transaction
def _begin(context: Context, call_id: str) -> Order | None:
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is None or stored.of_call(conn, call_id):
            return None
        tx = CallTx(context, conn, found)
        if tx.call.status == CallStatus.ENDED or tx.call.facts.leg_ref is None:
            pending.resolve(tx, ARTIFACT)
            return None
        recording_id = _insert(tx, "", STARTED)
        credential = accounts.get_credential(conn, found.credential_id)
        try:
            return _order(context, found, credential, recording_id, _report_url(tx, recording_id))
        except (NotConfigured, WrongKey) as error:
            _failed(tx, recording_id, str(error))
            return None


@one_transaction
def _refused(context: Context, order: Order, error: ProviderError) -> float | None:
    """Retry a busy carrier, and give up on a refusal. After other errors it may be recording."""
    busy = isinstance(error, CarrierError) and error.busy
    if not busy and isinstance(error, CarrierError) and not error.permanent:
        return None
    with context.store.write() as conn:
        recording = stored.get(conn, order.recording_id)
        found = record.get(conn, recording.call_id, lock=True) if recording else None
        if recording is None or found is None:
            return None
        if busy:
            recordings.delete(conn, recording.id)
            return BUSY_SECONDS
        failed(CallTx(context, conn, found), recording, str(error))
    return None


def stop(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job that stops the recording of a call that is over."""
    with context.store.read() as conn:
        call = record.get(conn, payload["callId"])
        recording = next(iter(stored.of_call(conn, payload["callId"])), None)
        if call is None or recording is None or not recording.ref:
            return None
        if recording.state != STARTED:
            return None
        credential = accounts.get_credential(conn, call.credential_id)
    try:
        order = _order(context, call, credential, recording.id)
        order.client.stop_recording(order.leg_ref, recording.ref, api_url=order.api_url)
    except CarrierError as error:
        since = call.ended_at or context.now()
        late = (context.now() - since).total_seconds() > PATIENCE_SECONDS
        if not error.gone and not error.permanent and not late:
            return RETRY_SECONDS
        if not error.gone:
            log.error(
                "call %s: its recording was not stopped: %s",
                call.id,
                error,
                extra={"callId": call.id},
            )
    except (NotConfigured, WrongKey) as error:
        log.error("call %s: its recording was not stopped: %s", call.id, error)
    return None


def _failed(tx: CallTx, recording_id: str, why: str) -> None:
    recording = stored.get(tx.conn, recording_id)
    if recording is not None:
        failed(tx, recording, why)


def failed(tx: CallTx, recording: Recording, why: str) -> None:
    """Store that the recording failed, with the reason in the call's event log."""
    recordings.update(tx.conn, recording.id, {"state": FAILED})
    data = {"what": "recording-failed", "error": why, "recordingRef": recording.ref}
    key = f"recording-failed:{recording.id}"
    events.append(
        tx.conn,
        tx.call.id,
        CallEvent(EventKind.NOTE, tx.context.now(), key, data=data),
        tx.context.now(),
    )
    log.error("call %s has no recording: %s", tx.call.id, why, extra={"callId": tx.call.id})
    upload_message.queue(tx, [recording.kind], stored=False)
    pending.resolve(tx, ARTIFACT)


# ------------------------------------------------------------------ parts


def _insert(tx: CallTx, ref: str, state: str) -> str:
    recording_id = new_id()
    recordings.insert(
        tx.conn,
        {
            "id": recording_id,
            "call_id": tx.call.id,
            "org_id": tx.call.org_id,
            "kind": STEREO,
            "source": CARRIER,
            "ref": ref,
            "state": state,
            "attempts": 0,
            "created_at": tx.context.now(),
        },
    )
    return recording_id


def _order(
    context: Context,
    call: Call,
    credential: JsonObject | None,
    recording_id: str,
    report_url: str = "",
) -> Order:
    """The request. Raises ``NotConfigured`` and ``WrongKey`` for an account that is no use."""
    client = client_of(context, call, credential)
    return Order(recording_id, call.facts.leg_ref or "", call.facts.api_url, client, report_url)


def _report_url(tx: CallTx, recording_id: str) -> str:
    given = instructions.tokens_for(tx, f"recording {recording_id}", tx.context.now())
    return instructions.hook_url(tx.context, tx.carrier, HookKind.RECORDING, given.callback)


def _enqueue(tx: CallTx, kind: str) -> None:
    payload = {"callId": tx.call.id}
    tx.context.jobs.enqueue(
        tx.conn, kind, f"{kind}:{tx.call.id}", payload, lock=f"leg:{tx.call.id}"
    )
