"""Signed links to recordings, valid for a time. The holder of a link may listen, as at Vapi."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.errors import NotFound, Unauthorized
from app.store import recordings
from app.store.recordings import STORED
from providers.common.json_types import JsonObject

FIELDS = {
    "recordingUrl": ("mono", ""),
    "stereoRecordingUrl": ("stereo", ""),
    "customerRecordingUrl": ("stereo", "&channel=customer"),
    "assistantRecordingUrl": ("stereo", "&channel=assistant"),
}
"""Field of a Call -> the kind of recording that it links to, and what the link says more.

A link's token opens the whole recording, so it opens a side of it too.
"""


@dataclass(frozen=True, slots=True)
class Playable:
    """A recording that the client may hear. ``blob`` is its file's key."""

    id: str
    blob: str
    size: int
    mime: str


def of(context: Context, call: Call, seconds: float) -> dict[str, str]:
    """A call's links, valid for ``seconds`` from now."""
    linked = call.facts.recordings
    expires = int(context.now().timestamp() + seconds)
    return {
        field: link(context, call.org_id, linked[kind], expires) + more
        for field, (kind, more) in FIELDS.items()
        if kind in linked
    }


def link(context: Context, org_id: str, recording_id: str, expires: int) -> str:
    """The URL of a recording, with its proof. ``expires``: seconds since 1970."""
    token = context.vault.sign(_scope(org_id, recording_id, expires))
    query = {"expires": expires, "token": token}
    return f"{context.settings.public_url}/recording/{recording_id}?{urlencode(query)}"


def find(
    context: Context, recording_id: str, org_id: str | None, token: str | None, expires: int | None
) -> Playable:
    """The file, for the organisation or a link's holder. Raises ``Unauthorized``, ``NotFound``.

    The answer does not tell other clients whether the recording exists.
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
    """The scope of a link's token: this recording, until this time."""
    return f"recording {org_id} {recording_id} {expires}"
