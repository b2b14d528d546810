"""The parts of an ``apiRequest``: what the model gives of its body, and what is fixed. Pure.

In Vapi's schemas a property with ``value`` is fixed. One with ``default`` is filled in where the
model leaves it out, and is fixed where it is a template.
https://docs.vapi.ai/tools/api-request/configuration
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.domain.assistant.fields import Json, object_of, objects_of, text_of, texts_of
from providers.common.json_types import JsonDict

Render = Callable[[str], str]
READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": lambda text: int(text),
    "number": lambda text: float(text),
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
"""By the type of a property: what a rendered text means."""


def offered(schema: Json) -> JsonDict:
    """The schema of what the model gives: without the fixed properties."""
    properties = {
        name: offered(each) if isinstance(each.get("properties"), Mapping) else dict(each)
        for name, each in _properties(schema)
        if not _is_fixed(each)
    }
    required = [name for name in texts_of(schema, "required") if name in properties]
    return {**schema, "type": "object", "properties": properties, "required": required}


def built(schema: Json, given: Json, render: Render) -> JsonDict:
    """The model's values, with those that are fixed or filled in."""
    found = dict(given)
    for name, each in _properties(schema):
        if _is_fixed(each):
            found[name] = _rendered(each.get("value", each.get("default")), each, render)
        elif name not in found and each.get("default") is not None:
            found[name] = each["default"]
        elif isinstance(each.get("properties"), Mapping):
            inner = built(each, object_of(found, name), render)
            if inner or name in found:
                found[name] = inner
    return found


def static_values(tool: Json, render: Render) -> JsonDict:
    """The tool's ``parameters``: fixed values that are merged into the body."""
    listed = objects_of(tool, "parameters")
    return {
        text_of(each, "key"): rendered(each.get("value"), render)
        for each in listed
        if text_of(each, "key")
    }


def rendered(value: Any, render: Render) -> Any:
    """The value with the templates of all its texts filled."""
    if isinstance(value, str):
        return render(value)
    if isinstance(value, Mapping):
        return {name: rendered(each, render) for name, each in value.items()}
    return [rendered(each, render) for each in value] if isinstance(value, list) else value


def _properties(schema: Json) -> list[tuple[str, Json]]:
    listed = object_of(schema, "properties").items()
    return [(name, each) for name, each in listed if isinstance(each, Mapping)]


def _is_fixed(each: Json) -> bool:
    return each.get("value") is not None or "{{" in text_of(each, "default")


def _rendered(value: Any, each: Json, render: Render) -> Any:
    """The fixed value, in the type of its property where the text can be read so."""
    found = rendered(value, render)
    read = READERS.get(text_of(each, "type"))
    if read is None or not isinstance(found, str):
        return found
    try:
        return read(found.strip())
    except (ValueError, KeyError):
        return found
