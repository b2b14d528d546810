"""/recording/{id}: the audio of a call, for its organisation and for the holder of a signed link.

Range requests are answered, so that players can seek.
https://httpwg.org/specs/rfc9110.html#range.requests
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import BinaryIO, Literal, TypeVar

from flask import Response, request
from pydantic import Field
from werkzeug.http import parse_range_header
from werkzeug.wsgi import wrap_file

from app.domain.errors import NotFound, Unauthorized
from app.domain.recordings import one_side
from app.domain.recordings.one_side import Sound
from app.domain.recordings.wav import InvalidWav
from app.domain.reporting import recording_links
from app.domain.reporting.recording_links import Playable
from app.routes.auth import organisation, presented_key, refusal
from app.routes.errors import ApiError
from app.routes.operations import IdPath, Operation, Section
from app.routes.schemas.base import Query
from app.routes.validation import services
from app.store.blobs import BlobError, NoBlob

BLOCK = 256 * 1024
# Recordings opened at once. A blob store that hangs must leave threads for the carriers' webhooks.
AT_ONCE = 4
STORE_FAILED = "the recording cannot be read just now: try again"

NO_RANGE = "the recording has no such range"

WAV = {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}

blueprint = Section("recording", "Recordings of calls.", scheme="linkToken")

_opening = BoundedSemaphore(AT_ONCE)

log = logging.getLogger(__name__)

Read = TypeVar("Read")


class LinkQuery(Query):
    """The token of a signed link, instead of the API key."""

    token: str | None = Field(None, max_length=200)
    expires: int | None = Field(None, description="Seconds since 1970.")
    channel: Literal["customer", "assistant"] | None = Field(
        None, description="One side of a stereo recording."
    )


@blueprint.serve(
    Operation("GET", "/recording/<id>", "getRecording", also=(206,), errors=(416,), response=WAV)
)
def get(path: IdPath, query: LinkQuery) -> Response:
    """Get a recording. A WAV file, with an API key or by the link in recordingUrl. Takes Range."""
    org_id = organisation(presented_key())
    try:
        found = recording_links.find(
            services().context, path.id, org_id, query.token, query.expires
        )
    except Unauthorized:
        raise refusal() from None
    return _answer(_side(found, query.channel) if query.channel else _Sound(found))


@dataclass(frozen=True)
class _Sound:
    """What is served: a stored file, or one side of it."""

    stored: Playable
    side: str = ""
    stereo: Sound | None = None

    @property
    def name(self) -> str:
        return f"{self.stored.id}-{self.side}" if self.side else self.stored.id

    @property
    def size(self) -> int:
        return self.stereo.size if self.stereo else self.stored.size

    def open(self, start: int, length: int) -> BinaryIO:
        """Raises the errors of ``Blobs``."""
        blobs, stored = services().context.blobs, self.stored
        if self.stereo is None:
            return blobs.open(stored.blob, start, length)
        channel = one_side.SIDES[self.side]
        return one_side.open_part(blobs, stored.blob, self.stereo, channel, start, length)


def _side(found: Playable, side: str) -> _Sound:
    def read() -> Sound:
        return one_side.find(services().context.blobs, found.blob, found.size)

    try:
        return _Sound(found, side, _read(found, read))
    except InvalidWav:
        raise NotFound("Recording", found.id) from None


def _answer(found: _Sound) -> Response:
    etag = f'"{found.name}"'
    wanted = _range(found.size, etag)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'inline; filename="{found.name}.wav"',
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
    }
    if wanted is None:
        return _file(found, 0, found.size, 200, headers)
    start, end = wanted
    if start >= end:
        raise ApiError(416, NO_RANGE, {"Content-Range": f"bytes */{found.size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    return _file(found, start, end - start, 206, headers)


def _range(size: int, etag: str) -> tuple[int, int] | None:
    """Return (start, end) of the requested range, or None for the whole file.

    A range outside the file is empty. Players do not ask for several ranges at once, so those get
    the whole file.
    """
    asked = parse_range_header(request.headers.get("Range"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    return asked.range_for_length(size) or (0, 0)


def _file(found: _Sound, start: int, length: int, status: int, headers: dict[str, str]) -> Response:
    headers["Content-Length"] = str(length)
    if request.method == "HEAD":
        return Response(status=status, headers=headers, mimetype=found.stored.mime)
    opened = _read(found.stored, lambda: found.open(start, length))
    body = wrap_file(request.environ, opened, BLOCK)
    return Response(body, status, headers, mimetype=found.stored.mime, direct_passthrough=True)


def _read(found: Playable, read: Callable[[], Read]) -> Read:
    """Ask the blob store, for a few requests at a time."""
    if not _opening.acquire(blocking=False):
        raise _unavailable()
    try:
        return read()
    except NoBlob:
        log.error("recording %s has lost its file", found.id, extra={"recordingId": found.id})
        raise NotFound("Recording", found.id) from None
    except BlobError as error:
        log.error("recording %s: %s", found.id, error, extra={"recordingId": found.id})
        raise _unavailable() from error
    finally:
        _opening.release()


def _unavailable() -> ApiError:
    return ApiError(503, STORE_FAILED, {"Retry-After": "5"})
