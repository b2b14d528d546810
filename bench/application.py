"""The bridge with one more route, which is constant: the floor of ``control_plane.py``."""

from __future__ import annotations

from flask import Response

from app import create_app
from app.server.asgi import build

TWIML = b"<?xml version='1.0' encoding='utf-8'?><Response><Hangup/></Response>"

flask_app = create_app()


@flask_app.route("/bench/constant", methods=["POST"])
def constant() -> Response:
    return Response(TWIML, content_type="text/xml")


application = build(flask_app)
