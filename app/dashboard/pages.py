"""Every page, in the order of the navigation. A module of pages has its own ``PAGES``."""

from __future__ import annotations

from app.dashboard import calls, login, overview, wallboard
from app.dashboard.table import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *calls.PAGES,
    *wallboard.PAGES,
    *login.PAGES,
)
