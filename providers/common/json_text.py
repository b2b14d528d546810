"""JSON by pydantic's reader and writer, which take a third of the standard library's time.

What they refuse and the standard library takes goes to the standard library: half a surrogate pair,
UTF-16, deep nesting. So both functions give what ``json`` gives, but for the spelling of a number
(``0.00001`` for ``1e-05``). Only for values that are JSON: pydantic also writes dates and sets.
https://docs.pydantic.dev/latest/api/pydantic_core/#pydantic_core.from_json
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json, to_json


def loads(text: str | bytes) -> Any:
    """Read JSON. Raises ``ValueError``, and ``RecursionError`` for very deep nesting."""
    try:
        return from_json(text)
    except (ValueError, TypeError):  # json reads more, and its errors say more
        return json.loads(text)


def dumps(value: Any, *, ascii_only: bool = False) -> str:
    """Write compact JSON. Characters stay as they are, but for half a surrogate pair."""
    try:
        return to_json(value, ensure_ascii=ascii_only).decode()
    except ValueError:
        return json.dumps(value, separators=(",", ":"))
