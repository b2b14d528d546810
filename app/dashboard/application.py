"""Puts the dashboard's pages into the Flask application."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from app.dashboard import cookies, errors, guard
from app.dashboard.pages import PAGES
from app.dashboard.table import PREFIX, Page
from app.routes.errors import ApiError
from app.routes.validation import services


def init_dashboard(app: Flask) -> None:
    """Register every page, and ``/``, which leads a browser there."""
    blueprint = Blueprint(
        "dashboard",
        __name__,
        url_prefix=PREFIX,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    for each in PAGES:
        blueprint.add_url_rule(
            each.path, each.name, each.view, methods=each.methods, strict_slashes=False
        )
    blueprint.add_url_rule("/<path:rest>", "no_page", errors.no_page)
    pages = {f"{blueprint.name}.{each.name}": each for each in PAGES}
    blueprint.before_request(lambda: guard.before(pages))
    blueprint.after_request(guard.after)
    blueprint.context_processor(lambda: shown(pages))
    errors.register(blueprint)
    app.register_blueprint(blueprint)
    app.add_url_rule("/", "home", home)


def home() -> Response:
    """A browser is led to the dashboard; for a program there is nothing here."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise ApiError(404, f"Cannot {request.method} /")
    return Response(status=302, headers={"Location": PREFIX, "Vary": "Accept"})


def shown(pages: dict[str, Page]) -> dict[str, object]:
    """What every template may name."""
    session = guard.present_session()
    return {
        "session": session,
        "may_act": bool(session and session.may_act),
        "csrf_token": session.csrf if session else "",
        "navigation": [(name, each.nav) for name, each in pages.items() if each.nav],
        "said": cookies.said(request, services().context),
    }
