"""JSON from other servers, made safe for the store. What Python's parser only tolerates is refused.

https://www.rfc-editor.org/rfc/rfc8259 Requests of our API's clients are checked more strictly, in
``app/routes/json_body.py``.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32


class NestedTooDeeply(ValueError):
    """Objects and arrays nest deeper than ``MAX_DEPTH``."""


def parse(data: bytes | str) -> Any:
    """Parse JSON.

    Raises ``ValueError`` for invalid JSON, for NaN and infinities, and for deep nesting.
    """
    try:
        return clean(json.loads(data, parse_constant=_no_constant, parse_float=_finite))
    except RecursionError:
        raise NestedTooDeeply("nested too deeply") from None


def clean(value: Any, depth: int = 0) -> Any:
    """Replace NUL and lone surrogates by the replacement sign.

    They are legal in JSON, and a database cannot store them.
    """
    if depth > MAX_DEPTH:
        raise NestedTooDeeply("nested too deeply")
    if isinstance(value, str):
        return re.sub("[\x00\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean(name): clean(item, depth + 1) for name, item in value.items()}
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number
