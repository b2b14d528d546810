"""Whether a text is as expected. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.cli.scenarios.expectations import Text

# Characters of a text in a failure.
WIDTH = 300


def text_failures(text: str, wanted: Text) -> Iterator[str]:
    """A sentence for each part of the expectation that the text does not meet."""
    plain = _plain(text)
    for part in wanted.text_contains:
        if _plain(part) not in plain:
            yield f"{short(text)} does not contain {part!r}"
    for part in wanted.text_excludes:
        if _plain(part) in plain:
            yield f"{short(text)} contains {part!r}"
    for pattern in wanted.text_matches:
        if not re.search(pattern, text, re.IGNORECASE):
            yield f"{short(text)} does not match {pattern!r}"


def _plain(text: str) -> str:
    """Without differences of case and spaces."""
    return " ".join(text.lower().split())


def short(text: str) -> str:
    """The text in quotes, cut to ``WIDTH``."""
    return repr(text if len(text) <= WIDTH else f"{text[:WIDTH]}…")
