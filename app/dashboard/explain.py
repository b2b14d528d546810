"""What Patchbay would make of pasted callbacks, without a call."""

from __future__ import annotations

from flask import Response, request

from app.dashboard.table import Page, page
from app.domain.reporting.pasted import explain_text
from app.routes.explain import MOST_CHARACTERS
from app.routes.validation import services
from providers.base.pasted import NotReadable

EMPTY = "Paste the callbacks first: the field was empty."
TOO_LONG = f"At most {MOST_CHARACTERS:,} characters are read at once."


def index() -> Response:
    return page("explain.html", text="", found=None, problem="")


def read() -> Response:
    """Nothing is stored."""
    text = request.form.get("text", "")
    if not text.strip():
        return _refused(text, EMPTY)
    if len(text) > MOST_CHARACTERS:
        return _refused("", TOO_LONG)
    context = services().context
    try:
        found = explain_text(text, context.providers, context.now())
    except NotReadable as error:
        return _refused(text, str(error))
    return page("explain.html", text=text, found=found, problem="")


def _refused(text: str, problem: str) -> Response:
    return page("explain.html", 400, text=text, found=None, problem=problem)


PAGES = (
    Page("/explain", index, nav="Explain"),
    Page("/explain", read, methods=("POST",)),
)
