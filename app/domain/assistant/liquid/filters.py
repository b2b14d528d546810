"""The filters of templates: the library's, each within bounds, and ours beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from liquid.exceptions import FilterArgumentError
from liquid.undefined import is_undefined

from app.domain.assistant.liquid.dates import format_date

MAX_WEIGHT = 400_000
"""Characters and items that go into a filter, or come out."""
MAX_BITS = 14_284
"""Of a whole number: Python writes 4300 digits at most, and multiplies longer ones for seconds."""
MAX_UNIQUE = 1_000
"""Items of ``uniq``, which compares each one with each other."""
TAG = re.compile(r"<[^<>]*>")

Filter = Callable[..., Any]


def bounded(name: str, filter_: Filter) -> Filter:
    """The filter, which refuses too much before and after."""

    @wraps(filter_)
    def run(value: Any, *args: Any, **named: Any) -> Any:
        room = MAX_WEIGHT
        for each in (value, *args):
            room -= _weight(each, room)
        if growth := GROWTH.get(name):
            growth(value, *args)
        result = filter_(value, *args, **named)
        _weight(result, MAX_WEIGHT)
        return result

    return run


def _weight(value: Any, room: int) -> int:
    """Characters and items of JSON. Raises ``FilterArgumentError`` where they are over ``room``."""
    weight, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
            weight += len(each)
        elif isinstance(each, list | tuple):
            waiting += each
            weight += len(each)
        elif isinstance(each, str | range):
            weight += len(each)
        elif isinstance(each, int) and each.bit_length() > MAX_BITS:
            raise FilterArgumentError("a filter takes numbers of 4300 digits at most", token=None)
        weight += 1
        if weight > room:
            raise FilterArgumentError(f"a filter takes {MAX_WEIGHT} characters at most", token=None)
    return weight


def _replaced(value: Any, old: Any = "", new: Any = "") -> None:
    text, old, new = str(value), str(old), str(new)
    found = text.count(old) if old else len(text) + 1
    _refuse(len(text) + found * len(new))


def _joined(value: Any, between: Any = " ") -> None:
    if isinstance(value, list | tuple | range):
        _refuse(len(value) * len(str(between)))


def _compared(value: Any, *_: Any) -> None:
    if isinstance(value, list | tuple | range) and len(value) > MAX_UNIQUE:
        _refuse(MAX_WEIGHT + 1)


def _refuse(size: int) -> None:
    if size > MAX_WEIGHT:
        raise FilterArgumentError(f"a filter makes {MAX_WEIGHT} characters at most", token=None)


GROWTH: Mapping[str, Callable[..., None]] = {
    "replace": _replaced,
    "join": _joined,
    "uniq": _compared,
}
"""Checks of filters whose result, or whose time, can be the product of two inputs."""


def _json(value: Any, *_: Any) -> str:
    """LiquidJS's filter: the value as JSON text."""
    return json.dumps(None if is_undefined(value) else value, ensure_ascii=False, default=str)


def _strip_html(value: Any) -> str:
    """The library's own takes quadratic time for many ``<``."""
    return TAG.sub("", "" if is_undefined(value) or value is None else str(value))


def _date(value: Any, form: Any = "", zone: Any = None) -> str:
    if is_undefined(value) or value is None:
        return ""
    text = "" if is_undefined(form) else str(form)
    return format_date(value, text, None if is_undefined(zone) else zone)


FILTERS: Mapping[str, Filter] = {"date": _date, "json": _json, "strip_html": _strip_html}
"""Filters that replace the library's, or that Vapi's library has and this one has not."""
