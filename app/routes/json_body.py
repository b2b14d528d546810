"""Request bodies: strict JSON, without what parsers tolerate.

Python's parser takes NaN, repeated keys, lone surrogates and integers that no database can hold.
Each of them would fail later, where only 500 is possible. Here they are a clear 400. Limits: 256
kB, 32 levels, 1000 keys per object, integers of 64 bits. https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from app.routes.errors import ApiError
from app.routes.lean_flask import body_of, current_request
from providers.common.json_types import JsonDict

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_KEYS = 1000
MIN_INT, MAX_INT = -(2**63), 2**63 - 1


def json_body() -> JsonDict | None:
    """Return the request's body as an object, or None when it has no body.

    Raises ``ApiError`` 400 for invalid JSON, 413 for too large a body, 415 for forms.
    """
    request = current_request()
    body = body_of(request)
    if not body:
        return None
    if len(body) > MAX_BYTES:
        raise ApiError(413, "request entity too large")
    # A browser asks before it sends this type to another site (CORS preflight).
    kind = request.environ.get("CONTENT_TYPE")
    if kind != "application/json" and request.mimetype and not request.is_json:
        raise ApiError(415, "Content-Type must be application/json")
    value = parse(body)
    if not isinstance(value, dict):
        raise ApiError(400, "the body must be a JSON object")
    return value


def parse(body: bytes) -> Any:
    """Parse a JSON text in UTF-8. Raises ``ApiError`` 400, and no other error."""
    try:
        text = body.decode()
        if text.startswith("\ufeff"):
            _refuse("Unexpected UTF-8 BOM at line 1 column 1")
        value = _DECODER.decode(text)
    except RecursionError:
        _refuse(f"nested deeper than {MAX_DEPTH} levels")
    except json.JSONDecodeError as error:
        _refuse(f"{error.msg} at line {error.lineno} column {error.colno}")
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except ValueError:  # an integer of more digits than Python converts
        _refuse("an integer is out of range")
    # Without an escape no string can hold a NUL or a lone surrogate: the UTF-8 decoder refuses
    # them.
    escapes = "\\u" in text
    if escapes or text.count("{") + text.count("[") > MAX_DEPTH:
        _walk(value, escapes)
    return value


def _object(pairs: list[tuple[str, Any]]) -> JsonDict:
    if len(pairs) > MAX_KEYS:
        _refuse(f"an object has more than {MAX_KEYS} keys")
    value = dict(pairs)
    if len(value) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        _refuse(f"key {twice[:80]!a} is repeated")
    return value


def _walk(root: Any, escapes: bool) -> None:
    """Check depth and texts, without recursion."""
    todo: list[tuple[Any, int]] = [(root, 1)]
    while todo:
        value, depth = todo.pop()
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                _refuse(f"nested deeper than {MAX_DEPTH} levels")
            if isinstance(value, dict):
                if escapes:
                    _check_texts(value)
                value = value.values()
            todo.extend((item, depth + 1) for item in value)
        elif escapes and isinstance(value, str):
            _check_text(value)


def _integer(text: str) -> int:
    value = int(text)
    if not MIN_INT <= value <= MAX_INT:
        _refuse("an integer is out of range")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse("a number is out of range")
    return value


def _check_texts(texts: Any) -> None:
    for text in texts:
        _check_text(text)


def _check_text(text: str) -> None:
    if "\0" in text:
        _refuse("a string holds the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        _refuse("a string holds half a surrogate pair")


def _refuse_constant(word: str) -> NoReturn:
    _refuse(f"{word} is not a number")


def _refuse(why: str) -> NoReturn:
    raise ApiError(400, f"the body is not acceptable JSON: {why}") from None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_refuse_constant,
    parse_int=_integer,
    parse_float=_float,
)
