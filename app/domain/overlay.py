""""""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.common.json_types import JsonDict, JsonObject


def merge(base: JsonObject, over: JsonObject) -> JsonDict:
    """``over`` laid over ``base``, objects field by field; ``#0`` names a list's first item."""
    merged = dict(base)
    for name, value in over.items():
        merged[name] = _merged(merged.get(name), value)
    return merged


def _merged(below: Any, value: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(value, Mapping):
        return merge(below, value)
    if isinstance(below, list) and isinstance(value, Mapping):
        return [_merged(x, value[f"#{n}"]) if f"#{n}" in value else x for n, x in enumerate(below)]
    return value
