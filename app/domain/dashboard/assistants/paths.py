"""A field of an assistant's JSON by its path, as ``model.temperature``. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant.fields import Json, object_of
from providers.common.json_types import JsonDict


def value_at(assistant: Json, path: str) -> object:
    """The field's value; None where it is absent or null."""
    found: object = assistant
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def with_value(assistant: Json, path: str, value: object) -> JsonDict:
    """The assistant with this value there. All other fields stay."""
    name, _, below = path.partition(".")
    inner = with_value(object_of(assistant, name), below, value) if below else value
    return {**assistant, name: inner}


def without(assistant: Json, path: str) -> JsonDict:
    """The assistant without the field, and without an object that it leaves empty."""
    name, _, below = path.partition(".")
    inner = without(object_of(assistant, name), below) if below else {}
    left = {name: inner} if inner else {}
    return {key: left.get(key, value) for key, value in assistant.items() if key != name or left}


def first_path(assistant: Json, paths: tuple[str, ...]) -> str:
    """The spelling that the assistant has; the newest where it has none."""
    return next((path for path in paths if value_at(assistant, path) is not None), paths[0])
