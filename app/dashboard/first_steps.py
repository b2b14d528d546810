"""The first steps: shown at the beginning while the installation is not ready, until dismissed."""

from __future__ import annotations

from flask import Response, request

from app.dashboard import cookies
from app.dashboard.doctor import is_operator
from app.dashboard.table import Page, go, page, session
from app.doctor import first_steps
from app.routes.lean_flask import current_app
from app.routes.validation import services

READY = "dashboard ready"


def index() -> Response:
    found = first_steps.steps(services().context, session().org_id)
    next_one = next((place for place, step in enumerate(found) if not step.is_done), None)
    return page(
        "first_steps.html",
        steps=found,
        next_one=next_one,
        operator=is_operator(),
        dismissed=cookies.is_dismissed(request),
    )


def dismiss() -> Response:
    answer = go("/")
    cookies.dismiss(answer, services().context)
    return answer


def are_due() -> bool:
    """Whether the beginning leads here: for the operator, while a step is left.

    An installation that was ready once is not looked at again.
    """
    asked, kept = session(), current_app().extensions
    if not (asked.may_act and is_operator()) or cookies.is_dismissed(request) or READY in kept:
        return False
    is_ready = first_steps.is_ready(services().context, asked.org_id)
    if is_ready:
        kept[READY] = True
    return not is_ready


PAGES = (
    Page("/first-steps", index, for_actors=True),
    Page("/first-steps/dismiss", dismiss, methods=("POST",)),
)
