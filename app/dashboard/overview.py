"""Overview."""

from __future__ import annotations

from flask import Response

from app.dashboard.table import Page, page


def index() -> Response:
    return page("overview.html")


PAGES = (Page("/", index, nav="Overview"),)
