"""The header ``Warning`` of a response: templates in the request that cannot be parsed.

Vapi takes such an assistant, and many prompts have braces for another reason. So it is stored, and
the client is told.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flask import Response

from app.domain.assistant.rendering import problems
from providers.common.json_types import JsonObject

MAX_WARNINGS = 10
PARTS = ("assistant", "assistantOverrides")
"""The objects of a call that hold texts."""

log = logging.getLogger(__name__)


def with_warnings(response: Response, texts: Iterable[str]) -> Response:
    """The response with a ``Warning`` for each text.

    https://www.rfc-editor.org/rfc/rfc7234#section-5.5
    """
    for text in list(texts)[:MAX_WARNINGS]:
        plain = text.encode("ascii", "replace").decode().replace("\\", "").replace('"', "'")
        response.headers.add("Warning", f'299 - "{plain}"')
        log.warning("a template cannot be used: %s", text)
    return response


def told(response: Response, body: JsonObject) -> Response:
    """Warn about the templates of an assistant or number."""
    return with_warnings(response, problems(body))


def told_of_call(response: Response, body: JsonObject) -> Response:
    """Warn about the templates of a call's own assistant."""
    given = ((part, body[part]) for part in PARTS if body.get(part))
    return with_warnings(
        response, [text for part, value in given for text in problems(value, f"{part}.")]
    )
