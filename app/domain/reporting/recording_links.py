"""Links to recordings: signed, and good for a time. Whoever has one may listen, as at Vapi."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.errors import NotFound, Unauthorized
from app.store import recordings
from app.store.recordings import STORED
from providers.common.json_types import JsonObject

FIELDS = {"recordingUrl": "mono", "stereoRecordingUrl": "stereo"}
"""Fields of a Call, and the kind of recording each links to."""


@dataclass(frozen=True, slots=True)
class Playable:
    """A recording that may be heard by who asked. ``blob`` is its file's key."""

    id: str
    blob: str
    size: int
    mime: str


def of(context: Context, call: Call, seconds: float) -> dict[str, str]:
    """A call's links, good from now for ``seconds``."""
    linked = call.facts.recordings
    expires = int(context.now().timestamp() + seconds)
    return {
        field: link(context, call.org_id, linked[kind], expires)
        for field, kind in FIELDS.items()
        if kind in linked
    }


def link(context: Context, org_id: str, recording_id: str, expires: int) -> str:
    """``expires``: seconds since 1970."""
    token = context.vault.sign(_scope(org_id, recording_id, expires))
    query = {"expires": expires, "token": token}
    return f"{context.settings.public_url}/recording/{recording_id}?{urlencode(query)}"


def find(
    context: Context, recording_id: str, org_id: str | None, token: str | None, expires: int | None
) -> Playable:
    """For the organisation itself, or for who has a link. Raises ``Unauthorized``, ``NotFound``.

    A stranger is not told whether there is such a recording.
    """
    with context.store.read() as conn:
        row = recordings.get(conn, recording_id)
    if org_id is None and not (row and _opens(context, row, token, expires)):
        raise Unauthorized
    if row is None or row["state"] != STORED or org_id not in (None, row["org_id"]):
        raise NotFound("Recording", recording_id)
    return Playable(row["id"], row["blob"], row["bytes"], row["mime"])


def _opens(context: Context, row: JsonObject, token: str | None, expires: int | None) -> bool:
    if not token or expires is None or expires < context.now().timestamp():
        return False
    return context.vault.is_signed(_scope(row["org_id"], row["id"], expires), token)


def _scope(org_id: str, recording_id: str, expires: int) -> str:
    """What a link's token is good for: this recording, until then."""
    return f"recording {org_id} {recording_id} {expires}"
