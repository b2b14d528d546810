"""Hides secrets in what people read of a call: our tokens in URLs, and words that sign. Pure."""

from __future__ import annotations

import re
from typing import Any

SHOWN = 6
"""Characters of a token that stay, so that two of them can be told apart."""
_TOKEN = re.compile(
    rf"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{{{SHOWN}}})[A-Za-z0-9_-]{{44,}}(?![A-Za-z0-9_-])"
)
"""Our tokens are base64 of 38 bytes or more. Ids of carriers are shorter."""
_QUERY = re.compile(
    r"([?&;](?:token|secret|key|sig|signature|password)=)[^&\s\"'<]+", re.IGNORECASE
)
_NAMES = re.compile(r"token|secret|signature|password|authorization|api.?key", re.IGNORECASE)
HIDDEN = "…"


def redacted(value: Any) -> Any:
    """The JSON value with its secrets hidden, at any depth."""
    if isinstance(value, str):
        return _QUERY.sub(rf"\1{HIDDEN}", _TOKEN.sub(rf"\1{HIDDEN}", value))
    if isinstance(value, dict):
        return {name: _field(name, each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(each) for each in value]
    return value


def _field(name: str, value: Any) -> Any:
    is_secret = isinstance(value, str) and value and _NAMES.search(name)
    return HIDDEN if is_secret else redacted(value)
