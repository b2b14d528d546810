"""The page of a web call, and the scripts that a page of another site may load.

The page is the same for every call: its script reads the call's token from the address. It loads
nothing from other hosts, and its policy allows no other script and no frame.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, current_app, render_template

from app.routes.validation import services

SCRIPTS = ("patchbay.js", "patchbay-audio.js")
"""Scripts for other sites. The browser asks for permission to load a worklet from another host."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{20,120}")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {media}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("web", __name__)


@blueprint.get("/web/<token>")
def page(token: str) -> Response:
    """The page that joins a call. Whether there is such a call shows when it is joined."""
    if not TOKEN.fullmatch(token):
        return Response("Not found", 404, mimetype="text/plain")
    media = " ".join(services().context.settings.media_bases)
    headers = {
        "Content-Security-Policy": POLICY.format(media=media),
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(render_template("web_call.html"), headers=headers, mimetype="text/html")


def _script(name: str) -> Response:
    response = current_app.send_static_file(name)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


for _name in SCRIPTS:
    blueprint.add_url_rule(
        f"/static/{_name}", f"script {_name.removesuffix('.js')}", _script, defaults={"name": _name}
    )
