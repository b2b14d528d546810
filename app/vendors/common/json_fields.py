"""Fields of a vendor's JSON, which may be of any type. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.common.json_types import JsonObject


def object_of(holder: JsonObject, name: str) -> JsonObject:
    """Empty where there is no object."""
    found = holder.get(name)
    return found if isinstance(found, Mapping) else {}


def list_of(holder: JsonObject, name: str) -> list[Any]:
    """Empty where there is no list."""
    found = holder.get(name)
    return found if isinstance(found, list) else []


def count_of(holder: JsonObject, name: str) -> int:
    """0 where there is no whole number."""
    found = holder.get(name)
    return found if isinstance(found, int) else 0
