"""Readers for fields of a client's JSON: each returns its own type for any content.

Assistants are stored as clients sent them, so a field of the wrong type counts as absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

Json = Mapping[str, object]
"""A JSON object."""

Limits = tuple[float, float]
"""The least and the most that a number may be."""

FREE = frozenset({"metadata", "variableValues"})
"""Fields with a client's own data: this program reads nothing in them."""

NAMES_SOMETHING = frozenset(
    {
        "assistantId",
        "credentialId",
        "model",
        "provider",
        "secret",
        "serverUrl",
        "serverUrlSecret",
        "url",
        "voiceId",
    }
)
"""Fields whose empty text counts as absent. That of ``firstMessage`` is a message without words."""


def is_absent(name: str, value: object) -> bool:
    return value is None or (value == "" and name in NAMES_SOMETHING)


def without_empty(holder: Json) -> Json:
    """The object without the empty texts that count as absent, at every depth of objects."""
    return {
        name: without_empty(value) if isinstance(value, Mapping) and name not in FREE else value
        for name, value in holder.items()
        if not (value == "" and name in NAMES_SOMETHING)
    }


def object_of(holder: Json, name: str) -> Json:
    """The field's object; an empty one where the field is none."""
    given = holder.get(name)
    return given if isinstance(given, Mapping) else {}


def objects_of(holder: Json, name: str) -> list[Json]:
    """The objects of the field's list."""
    return [item for item in list_of(holder, name) if isinstance(item, Mapping)]


def texts_of(holder: Json, name: str) -> list[str]:
    """The texts of the field's list."""
    return [item for item in list_of(holder, name) if isinstance(item, str)]


def list_of(holder: Json, name: str) -> list[object]:
    given = holder.get(name)
    return given if isinstance(given, list) else []


def text_of(holder: Json, name: str) -> str:
    given = holder.get(name)
    return given if isinstance(given, str) else ""


def number_of(holder: Json, name: str, default: float) -> float:
    """The field's number from zero up, else ``default``. ``true`` is not a number."""
    given = holder.get(name)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return default
    try:
        number = float(given)
    except OverflowError:  # JSON sets no limit to the digits of an integer
        return default
    return number if number >= 0 else default


def number_within(holder: Json, name: str, default: float, limits: Limits) -> float:
    """The field's number, or the nearest one within its limits; else ``default``, as it is."""
    given = holder.get(name)
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given:
        return default
    return float(min(max(given, limits[0]), limits[1]))


def count_of(holder: Json, name: str, default: int) -> int:
    """The field's whole number from zero up, else ``default``."""
    number = number_of(holder, name, default)
    return int(number) if math.isfinite(number) else default
