"""A page of the dashboard: its path, its view, and its place in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, g, make_response, render_template

from app.dashboard import cookies
from app.domain.login.sessions import Session
from app.routes.validation import services

PREFIX = "/dashboard"


@dataclass(frozen=True, slots=True)
class Page:
    """``path`` is below ``/dashboard`` and may have Flask's converters.

    A GET only shows, and asks no other server. Every POST needs a session that may act, and the form's ``csrf``.
    """

    path: str
    view: Callable[..., Response]
    nav: str = ""
    """The word in the navigation; empty: the page is reached from another."""
    methods: tuple[str, ...] = ("GET",)
    is_open: bool = False
    """Needs no session: the login."""
    for_actors: bool = False
    """Its GET, too, needs a session that may act."""

    @property
    def name(self) -> str:
        """Flask's endpoint, as ``url_for("dashboard.calls_index")``: module and function."""
        return f"{self.view.__module__.rpartition('.')[2]}_{self.view.__name__}"


def session() -> Session:
    """Who looks at the page. Every page that is not open has one."""
    found: Session = g.dashboard_session
    return found


def page(template: str, status: int = 200, /, **values: Any) -> Response:
    """Fill ``templates/dashboard/TEMPLATE``."""
    return make_response(render_template(f"dashboard/{template}", **values), status)


def go(path: str, said: str = "") -> Response:
    """Go to another page after a POST. ``said`` is shown there once."""
    answer = Response(status=303, headers={"Location": f"{PREFIX}{path}"})
    if said:
        cookies.say(answer, services().context, said)
    return answer
