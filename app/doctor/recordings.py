"""The store of recordings: a small file is written, read and deleted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from app import heroku
from app.doctor.finding import Finding
from app.domain.context import Context
from app.settings import Settings
from app.store.blobs import BlobError, Blobs, NoBlob

TEXT = b"patchbay doctor"


def check(context: Context) -> Iterator[Finding]:
    """Whether recordings can be kept, and whether they stay."""
    settings = context.settings
    place = place_of(settings)
    try:
        whole = _round_trip(context.blobs)
    except (BlobError, NoBlob, OSError) as error:
        why = str(error) or type(error).__name__
        yield Finding("error", f"{place}: cannot be written and read: {why}")
        return
    if whole:
        yield Finding("ok", f"{place}: written and read")
    else:
        yield Finding("error", f"{place}: gives back something else than was written")
    if settings.loses_recordings:
        yield Finding("note", heroku.RECORDINGS_ARE_LOST)


def place_of(settings: Settings) -> str:
    """The store, with the setting that names it."""
    if settings.recordings_url is None:
        return f"recordings in {settings.recordings_dir} (RECORDINGS_DIR)"
    return f"recordings in {settings.recordings_url} at {settings.s3_endpoint} (RECORDINGS_URL)"


def _round_trip(blobs: Blobs) -> bool:
    key = f"doctor/{uuid4()}.txt"
    with tempfile.NamedTemporaryFile() as file:
        file.write(TEXT)
        file.flush()
        blobs.put(key, Path(file.name), "text/plain")
    try:
        with blobs.open(key) as stored:
            return stored.read(len(TEXT) + 1) == TEXT
    finally:
        with suppress(BlobError):
            blobs.delete(key)
