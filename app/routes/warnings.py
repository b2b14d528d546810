"""What has no effect in a body, as ``Warning`` headers and one line of the log.

https://www.rfc-editor.org/rfc/rfc7234#section-5.5
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import Response

from app.domain.assistant.field_check import Finding
from app.domain.assistant.told import sentences

log = logging.getLogger(__name__)

WARNING = "Warning"


def warned(response: Response, findings: Sequence[Finding], of: str) -> Response:
    """The response with a header for each sentence. ``of``: the object, for the log."""
    told = sentences(findings)
    for sentence in told:
        response.headers.add(WARNING, f'299 - "{_quoted(sentence)}"')
    if told:
        log.info("%s: %s", of, "; ".join(told))
    return response


def _quoted(text: str) -> str:
    """As the inside of a quoted string: a client's own words may hold any character."""
    ascii_only = "".join(c if " " <= c <= "~" else "?" for c in text)
    return ascii_only.replace("\\", "\\\\").replace('"', '\\"')
