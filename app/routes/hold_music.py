"""The hold music, which carriers fetch and keep: ``/hold-music/12.wav``. It needs no key."""

from __future__ import annotations

from flask import Blueprint, Response

from providers.common.hold_music import MOST_SECONDS, hold_music

blueprint = Blueprint("hold music", __name__)

KEEP = "public, max-age=86400"
"""A carrier asks again after a day."""


@blueprint.get("/hold-music/<int:seconds>.wav")
def serve(seconds: int) -> Response:
    """So many seconds of it."""
    if not 1 <= seconds <= MOST_SECONDS:
        return Response("Not found", 404, mimetype="text/plain")
    headers = {"Cache-Control": KEEP, "X-Content-Type-Options": "nosniff"}
    return Response(hold_music(seconds), headers=headers, mimetype="audio/wav")
