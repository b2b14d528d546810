"""JSON from other servers, made safe for the store. What Python's parser only tolerates is refused.

https://www.rfc-editor.org/rfc/rfc8259 Requests of our API's clients are checked more strictly, in
``app/routes/json_body.py``.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any, NoReturn

from pydantic_core import from_json

MAX_DEPTH = 32

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What a text needs for ``clean`` to have work: an escape, or a number that may be infinite.
_DOUBTFUL = re.compile(rb"\\u|(?:^|[\s:,\[])-?[0-9.]+[eE]|[0-9]{300}")


class NestedTooDeeply(ValueError):
    """Objects and arrays nest deeper than ``MAX_DEPTH``."""


def parse(data: bytes | str) -> Any:
    """Parse JSON.

    Raises ``ValueError`` for invalid JSON, for NaN and infinities, and for deep nesting.
    """
    with suppress(ValueError, TypeError):  # json, below, reads more and says what is wrong
        value = from_json(data, allow_inf_nan=False)
        return value if _is_storable(data) else clean(value)
    try:
        return clean(json.loads(data, parse_constant=_no_constant, parse_float=_finite))
    except RecursionError:
        raise NestedTooDeeply("nested too deeply") from None


def _is_storable(data: bytes | str) -> bool:
    """Whether ``clean`` would change and refuse nothing. The text is JSON."""
    text = data.encode() if isinstance(data, str) else data
    return text.count(b"[") + text.count(b"{") <= MAX_DEPTH and not _DOUBTFUL.search(text)


def clean(value: Any, depth: int = 0) -> Any:
    """Replace NUL and lone surrogates by the replacement sign; refuse infinities.

    They are legal in JSON, and a database cannot store them.
    """
    if depth > MAX_DEPTH:
        raise NestedTooDeeply("nested too deeply")
    if isinstance(value, str):
        return value if value.isprintable() else _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean(name): clean(item, depth + 1) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        _no_constant(str(value))
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_constant(text)
    return number
