"""Our own recordings: the audio of a call's sockets, in one file.

A call may have several sockets in turn, in different processes. Each socket's audio is appended
to the call's file, with silence for the time in between. A stored file never changes: a longer
file replaces it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from app import temporary
from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.recordings import files as recording_files
from app.domain.recordings import stored, wav
from app.domain.recordings.carrier import ARTIFACT, STEREO
from app.domain.recordings.files import MIME, MONO
from app.domain.recordings.stored import Recording
from app.domain.reporting import pending
from app.store import recordings
from app.store.again import one_transaction
from app.store.blobs import BlobError, NoBlob
from app.store.ids import new_id
from app.store.recordings import STORED
from providers.common.json_types import JsonObject

ASSISTANT = "assistant"
"""``source`` of these recordings."""
NAME = 12
"""Characters of a stream's name in ``ref``, which lists the last nine streams in the file."""
KINDS = (STEREO, MONO)


class StoreFailed(Exception):
    """The recording could not be stored; a later attempt may succeed. For the operator."""


@dataclass(frozen=True, slots=True)
class StreamRecording:
    """One socket's audio: a WAV file, caller left, assistant right, and its start time."""

    call_id: str
    stream: str
    began: datetime
    path: Path


def expect(tx: CallTx, stream: str) -> None:
    """Make the report wait for the recording of this socket."""
    if tx.call.facts.taped:
        pending.expect(tx, _artifact(stream))


@one_transaction
def arrived(context: Context, call_id: str, stream: str) -> None:
    """Stop the report's wait: the socket's audio is in the recording, or there is none."""
    with context.store.write() as conn:
        found = record.get(conn, call_id, lock=True)
        if found is not None:
            pending.resolve(CallTx(context, conn, found), _artifact(stream))


def append(context: Context, recording: StreamRecording) -> None:
    """Append it to its call's recording, once however often this runs. Raises ``StoreFailed``."""
    try:
        with temporary.directory("sound") as place:
            while not _append(context, recording, place):
                pass  # another socket's sound was added meanwhile: that is what this one is added to
    except (BlobError, NoBlob, OSError, wav.InvalidWav) as error:
        raise StoreFailed(str(error)) from error


def _append(context: Context, recording: StreamRecording, place: Path) -> bool:
    with context.store.read() as conn:
        before = _found(conn, recording.call_id)
    if _has(before, recording) or not wav.seconds(recording.path):
        arrived(context, recording.call_id, recording.stream)
        return True
    began, files = _made(context, recording, before.get(STEREO), place)
    keys = {kind: f"recordings/{recording.call_id}/{new_id()}-{kind}.wav" for kind in KINDS}
    for kind, path in files.items():
        context.blobs.put(keys[kind], path, MIME)
    with context.store.write() as conn:
        found = record.get(conn, recording.call_id, lock=True)
        now = _found(conn, recording.call_id)
        if found is None or _blobs(now) != _blobs(before):
            recording_files.enqueue_erasure(context, conn, new_id(), list(keys.values()))
            return found is None
        if before:
            recording_files.enqueue_erasure(context, conn, new_id(), list(_blobs(before).values()))
        tx, ids = CallTx(context, conn, found), {}
        for kind in KINDS:
            facts = {"blob": keys[kind], "bytes": files[kind].stat().st_size, "created_at": began}
            ids[kind] = _write(tx, before, recording, {"kind": kind, **facts})
        recording_files.link_recordings(tx, ids)
        pending.resolve(tx, _artifact(recording.stream))
    return True


def _made(
    context: Context, recording: StreamRecording, before: Recording | None, place: Path
) -> tuple[datetime, dict[str, Path]]:
    """The whole call so far: its start time and both kinds of file."""
    whole, mono, began = recording.path, place / "mono.wav", recording.began
    if before is not None and before.blob is not None:
        earlier, whole = place / "before.wav", place / "whole.wav"
        with context.blobs.open(before.blob) as source, earlier.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        pieces = sorted([(before.created_at, earlier), (recording.began, recording.path)])
        (began, first), (then, second) = pieces
        between = then - began - timedelta(seconds=wav.seconds(first))
        wav.join(first, between.total_seconds(), second, whole)
    wav.mix(whole, mono)
    return began, {STEREO: whole, MONO: mono}


def _write(
    tx: CallTx,
    before: Mapping[str, Recording],
    recording: StreamRecording,
    facts: JsonObject,
) -> str:
    """The row of one kind. Its id stays the same while the file grows."""
    known = before.get(facts["kind"])
    names = [*_names(known), recording.stream[:NAME]] if known else [recording.stream[:NAME]]
    values = {**facts, "ref": ",".join(names[-9:]), "state": STORED, "mime": MIME}
    if known is not None:
        recordings.update(tx.conn, known.id, values)
        return known.id
    recording_id = new_id()
    more = {"id": recording_id, "call_id": tx.call.id, "org_id": tx.call.org_id}
    recordings.insert(tx.conn, {**values, **more, "source": ASSISTANT, "attempts": 0})
    return recording_id


def _found(conn: Connection, call_id: str) -> dict[str, Recording]:
    """Kind -> our own recording of the call, unless the sweep has erased it."""
    return {
        each.kind: each
        for each in stored.of_call(conn, call_id)
        if each.source == ASSISTANT and each.state == STORED
    }


def _blobs(found: Mapping[str, Recording]) -> dict[str, str]:
    return {kind: each.blob for kind, each in found.items() if each.blob}


def _has(found: Mapping[str, Recording], recording: StreamRecording) -> bool:
    return STEREO in found and recording.stream[:NAME] in _names(found[STEREO])


def _names(recording: Recording) -> list[str]:
    return recording.ref.split(",")


def _artifact(stream: str) -> str:
    """The name under which the report waits for it."""
    return f"{ARTIFACT}:{stream}"
