"""Wallboard."""

from __future__ import annotations

from flask import Response

from app.dashboard.table import Page, page


def index() -> Response:
    return page("wallboard.html")


PAGES = (Page("/wallboard", index, nav="Wallboard"),)
