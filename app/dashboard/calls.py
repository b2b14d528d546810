"""Calls."""

from __future__ import annotations

from flask import Response

from app.dashboard.table import Page, page


def index() -> Response:
    return page("calls.html")


PAGES = (Page("/calls", index, nav="Calls"),)
