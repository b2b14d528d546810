"""The first steps: shown at the beginning while the installation is not ready, until dismissed."""

from __future__ import annotations

from flask import Response, request

from app.dashboard import cookies
from app.dashboard.doctor import is_operator
from app.dashboard.table import Page, go, page, session
from app.doctor import first_steps
from app.routes.validation import services


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
    """Whether the beginning leads here: for its operator, while a step is left."""
    asked = session()
    if not (asked.may_act and is_operator()) or cookies.is_dismissed(request):
        return False
    return not first_steps.is_ready(services().context, asked.org_id)


PAGES = (
    Page("/first-steps", index, for_actors=True),
    Page("/first-steps/dismiss", dismiss, methods=("POST",)),
)
