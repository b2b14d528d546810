"""What has no effect in a body, as ``Warning`` headers and one line of the log.

Vapi takes a template that cannot be parsed, because prompts have braces for other reasons. So it is
stored, and the client is told. https://www.rfc-editor.org/rfc/rfc7234#section-5.5
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import Response

from app.domain.assistant.field_check import Finding
from app.domain.assistant.rendering import problems
from app.domain.assistant.told import MOST, sentences
from providers.common.json_types import JsonObject

WARNING = "Warning"
MAX_TEMPLATES = 10
"""Templates of one body that are told."""

log = logging.getLogger(__name__)


def template_problems(body: JsonObject) -> list[str]:
    """The templates in it that cannot be parsed, a sentence each."""
    found = problems(body)[:MAX_TEMPLATES]
    return [each if len(each) <= MOST else f"{each[: MOST - 3]}..." for each in found]


def warned(
    response: Response,
    of: str,
    findings: Sequence[Finding] = (),
    templates: Sequence[str] = (),
) -> Response:
    """The response with a header for each sentence. ``of``: the object, for the log."""
    told = [*sentences(findings), *templates]
    for sentence in told:
        response.headers.add(WARNING, f'299 - "{_quoted(sentence)}"')
    if told:
        log.warning("%s: %s", of, "; ".join(told))
    return response


def _quoted(text: str) -> str:
    """As the inside of a quoted string: a client's own words may hold any character."""
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text)
    return ascii_only.replace("\\", "\\\\").replace('"', '\\"')
