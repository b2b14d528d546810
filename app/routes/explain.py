"""/explain: what this program would make of callbacks that a person pasted. Nothing is stored."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.domain.reporting.pasted import explain_text
from app.routes.errors import ApiError
from app.routes.operations import Operation, Section
from app.routes.schemas.base import Model
from app.routes.schemas.responses import Explanations
from app.routes.validation import reply, services
from providers.base.pasted import NotReadable

MOST_CHARACTERS = 200_000

blueprint = Section("explain", "Why calls end as they do.")


class Callbacks(Model):
    """Callbacks of a carrier, as they were copied."""

    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    """JSON lines, form bodies, a JSON array, or a HAR file."""


@blueprint.serve(Operation("POST", "/explain", "explainCallbacks", Explanations))
def explain(body: Callbacks) -> Response:
    """Explain callbacks. What this program would make of them, without a call and without a trace."""
    context = services().context
    try:
        return reply(explain_text(body.text, context.providers, context.now()))
    except NotReadable as error:
        raise ApiError(400, f"text: {error}") from error
