"""The doctor's findings: the checks of ``patchbay doctor``, part by part, when the page is opened."""

from __future__ import annotations

from flask import Response, request

from app.dashboard.asking import asking
from app.dashboard.table import Page, page, session
from app.default_org import ORG_ID
from app.doctor import examination
from app.doctor.finding import Finding
from app.routes.errors import ApiError
from app.routes.validation import services

PARTS = {part.name: part for part in examination.PARTS}
ONLY_OPERATORS = "The checks are of the whole installation: sign in with a key of its operator."


def index() -> Response:
    return _shown({})


def run(part: str) -> Response:
    """One part. Without a script the whole page comes with its findings."""
    if not is_operator():
        raise ApiError(403, ONLY_OPERATORS)
    if part not in PARTS:
        raise ApiError(404, "There is no such part.")
    with asking():
        found = examination.run(services().context, PARTS[part])
    if "HX-Request" in request.headers:
        return page("findings.html", found=found)
    return _shown({part: found})


def is_operator() -> bool:
    """Whether the session is of the installation's own organisation."""
    return session().org_id == ORG_ID


def _shown(found: dict[str, list[Finding]]) -> Response:
    return page(
        "doctor.html",
        parts=examination.PARTS,
        found=found,
        problem="" if is_operator() else ONLY_OPERATORS,
    )


PAGES = (
    Page("/doctor", index, for_actors=True),
    Page("/doctor/<part>", run, methods=("POST",)),
)
