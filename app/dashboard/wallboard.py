"""Live calls and today's numbers in large, for a screen on the wall."""

from __future__ import annotations

from flask import Response

from app.dashboard.overview import kept
from app.dashboard.table import Page, page, session
from app.domain.dashboard import rows
from app.domain.dashboard.overview import overview_of
from app.routes.validation import services


def index() -> Response:
    return page("wallboard.html", **_numbers())


def board() -> Response:
    """The moving part alone."""
    return page("board.html", **_numbers())


def _numbers() -> dict[str, object]:
    context, org_id = services().context, session().org_id
    return {"live": rows.live(context, org_id), "found": overview_of(context, kept(), org_id, 1)}


PAGES = (
    Page("/wallboard", index, nav="Wallboard"),
    Page("/wallboard/board", board),
)
