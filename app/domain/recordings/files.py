"""A recording's file: fetched from the carrier, mixed, stored, and erased.

The mono recording is mixed from the two channels that we ask the carrier for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from app import temporary
from app.domain.calls import record
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.job_limits import limit_concurrency
from app.domain.recordings import stored, upload_message, wav
from app.domain.recordings.carrier import ARTIFACT, STEREO, failed
from app.domain.recordings.stored import Recording
from app.domain.reporting import pending
from app.store import accounts, recordings
from app.store.blobs import BlobError
from app.store.ids import new_id
from app.store.recordings import DELETED, READY, STORED
from app.store.vault import WrongKey
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, ProviderError

ERASE, SWEEP = "erase-files", "erase-old-recordings"
"""Kinds of jobs, beside ``FETCH``."""
MONO = "mono"
MIME = "audio/wav"
MAX_BYTES = 1_500_000_000
"""Limit of one recording: twelve hours, the longest call, of two channels at 8 kHz."""
FETCH_SECONDS = 30.0
"""Timeout for each part of a file."""
WAITS = (
    1.0,  # a carrier tells of a recording somewhat before it can be fetched
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
    5 * 60.0,
    15 * 60.0,
    3600.0,
    4 * 3600.0,
    12 * 3600.0,
)
"""Seconds between the attempts to fetch and store a file: 17 h 22 m 48 s in all."""
AT_ONCE = 4
"""Files a process fetches at once: the jobs that end and dial calls need workers too."""
AT_ONCE_SECONDS = 2.0
"""Seconds until a job over this limit retries."""
SWEEP_SECONDS = 3600.0
SWEEP_BATCH = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Download:
    """One recording to fetch."""

    recording: Recording
    call: Call
    credential: JsonObject = field(repr=False)
    """The account's row."""


@limit_concurrency(AT_ONCE, AT_ONCE_SECONDS)
def fetch(context: Context, payload: Mapping[str, str]) -> float | None:
    """Handler of the job ``FETCH``."""
    errand = _pending_download(context, payload["recordingId"])
    if errand is None:
        return None
    with temporary.directory("sound") as place:
        try:
            _store(context, errand, _downloaded(context, errand, place))
        except (ProviderError, WrongKey, BlobError, wav.InvalidWav, OSError) as error:
            return _retry_delay(context, errand, error)
    return None


def _pending_download(context: Context, recording_id: str) -> Download | None:
    """The file to fetch; None without a recording or an account to fetch it with."""
    with context.store.read() as conn:
        recording = stored.get(conn, recording_id)
        call = record.get(conn, recording.call_id) if recording else None
        if recording is None or call is None or recording.state != READY:
            return None
        credential = accounts.get_credential(conn, call.credential_id)
    if credential is None:
        log.error(
            "call %s: the account of its recording was deleted",
            call.id,
            extra={"callId": call.id},
        )
        return None
    return Download(recording, call, credential)


def _downloaded(context: Context, download: Download, place: Path) -> dict[str, Path]:
    """Kind -> file, the original first. A recording with one channel has no stereo file."""
    whole, mixed = place / "whole.wav", place / "mono.wav"
    recording, call = download.recording, download.call
    account = context.account(download.credential)
    client = context.providers[call.provider].client(account, timeout=FETCH_SECONDS)
    with whole.open("wb") as file:
        client.save_recording(
            recording.ref,
            recording.url or "",
            file,
            limit=MAX_BYTES,
            api_url=call.facts.api_url,
        )
    if wav.channels(whole) == 1:
        return {MONO: whole}
    wav.mix(whole, mixed)
    return {STEREO: whole, MONO: mixed}


def _store(context: Context, download: Download, files: Mapping[str, Path]) -> None:
    """Store the files, then their rows. A call that was deleted meanwhile gets neither."""
    recording = download.recording
    keys = {kind: f"recordings/{recording.call_id}/{recording.id}-{kind}.wav" for kind in files}
    for kind, path in files.items():
        context.blobs.put(keys[kind], path, MIME)
    whole = next(iter(files))
    sizes = {kind: path.stat().st_size for kind, path in files.items()}
    with context.store.write() as conn:
        found = record.get(conn, recording.call_id, lock=True)
        if found is None:
            enqueue_erasure(context, conn, recording.id, list(keys.values()))
            return
        kept = {}
        for kind, key in keys.items():
            facts = {"kind": kind, "state": STORED, "bytes": sizes[kind], "blob": key}
            kept[kind] = _row(conn, recording, {**facts, "mime": MIME}, mixed=kind != whole)
        link_recordings(CallTx(context, conn, found), kept)


def _row(conn: Connection, recording: Recording, facts: JsonObject, *, mixed: bool) -> str:
    """Write the rows: the recording's own row for the original file, another one for the mix."""
    if not mixed:
        recordings.update(conn, recording.id, facts)
        return recording.id
    beside = {**asdict(recording), **facts, "id": new_id()}
    recordings.insert(conn, beside)
    return str(beside["id"])


def link_recordings(tx: CallTx, kept: Mapping[str, str]) -> None:
    """Link the call to these recordings (kind -> id), unless it already has one of the kind."""
    linked = {**kept, **tx.call.facts.recordings}
    tx.update(facts=tx.call.facts._replace(recordings=linked), updated_at=tx.context.now())
    upload_message.queue(tx, kept, stored=True)
    pending.resolve(tx, ARTIFACT)


def _retry_delay(context: Context, download: Download, error: Exception) -> float | None:
    """Seconds until the next attempt; None after a permanent error or the last attempt."""
    recording = download.recording
    hopeless = isinstance(error, wav.InvalidWav) or (
        isinstance(error, CarrierError) and error.permanent
    )
    with context.store.write() as conn:
        found = record.get(conn, recording.call_id, lock=True)
        if found is None:
            return None
        attempts = recording.attempts + 1
        recordings.update(conn, recording.id, {"attempts": attempts})
        if not hopeless and attempts <= len(WAITS):
            log.warning(
                "call %s: its recording is not here yet: %s",
                found.id,
                error,
                extra={"callId": found.id},
            )
            return WAITS[attempts - 1]
        failed(CallTx(context, conn, found), recording, str(error))
    return None


# ------------------------------------------------------------------ deletion


def delete_of_call(context: Context, conn: Connection, call_id: str) -> None:
    """Erase a deleted call's files after the commit. The rows go with the call."""
    keys = [each.blob for each in stored.of_call(conn, call_id) if each.blob]
    if keys:
        enqueue_erasure(context, conn, call_id, keys)


def enqueue_erasure(context: Context, conn: Connection, name: str, keys: list[str]) -> None:
    """Queue the deletion of files without a row. ``name`` is unique to this job."""
    context.jobs.enqueue(conn, ERASE, f"{ERASE}:{name}", {"keys": keys})


def erase(context: Context, payload: Mapping[str, Sequence[str]]) -> None:
    """Handler of the job ``ERASE``. It runs again until the store of files succeeds."""
    for key in payload["keys"]:
        context.blobs.delete(key)


def schedule_sweep(context: Context) -> None:
    """Queue the first sweep of expired recordings."""
    if context.settings.recording_retention_days:
        with context.store.write() as conn:
            context.jobs.enqueue(conn, SWEEP, SWEEP, {})


def sweep(context: Context, payload: Mapping[str, object]) -> float | None:
    """Handler of the job ``SWEEP``: files older than RECORDING_RETENTION_DAYS are erased."""
    days = context.settings.recording_retention_days
    if not days:
        return None
    with context.store.read() as conn:
        before = context.now() - timedelta(days=days)
        old = stored.older_than(conn, before, SWEEP_BATCH)
    for recording in old:
        if recording.blob:
            context.blobs.delete(recording.blob)
        with context.store.write() as conn:
            _unlink(context, conn, recording)
    return SWEEP_SECONDS if len(old) < SWEEP_BATCH else 0.0


def _unlink(context: Context, conn: Connection, recording: Recording) -> None:
    """Lock the call first, as its deletion does: one lock order avoids a deadlock."""
    found = record.get(conn, recording.call_id, lock=True)
    if found is None:
        return
    recordings.update(conn, recording.id, {"state": DELETED, "blob": None})
    left = {k: i for k, i in found.facts.recordings.items() if i != recording.id}
    facts = found.facts._replace(recordings=left)
    CallTx(context, conn, found).update(facts=facts, updated_at=context.now())
