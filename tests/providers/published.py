"""The carriers' published OpenAPI descriptions, read strictly: what they do not name is refused.

They live beside the repository, not in it; where they are missing the tests that want them say so.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
Schema = dict[str, Any]


@cache
def document(name: str) -> Mapping[str, Any] | None:
    """The description of this file name; None, said aloud, where there is none."""
    path = REFERENCE / name
    if not path.exists():
        print(f"NOT CHECKED: {name} is not beside the repository", file=sys.stderr)
        return None
    text = path.read_text()
    loaded: Mapping[str, Any] = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    return loaded


def operation(described: Mapping[str, Any], method: str, path: str) -> Mapping[str, Any]:
    """What a request asks for. Raises ``AssertionError`` when nothing of that name is published."""
    for template, methods in described["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template.rstrip("/")))
        if re.fullmatch(pattern, path.rstrip("/")) and method.lower() in methods:
            found: Mapping[str, Any] = methods[method.lower()]
            return found
    raise AssertionError(f"{method} {path} is not published")


def query_faults(operation: Mapping[str, Any], query: Mapping[str, str]) -> list[str]:
    """What of a query is not published, in words."""
    listed = operation.get("parameters", ())
    known = {each["name"]: each.get("schema", {}) for each in listed if each.get("in") == "query"}
    return [
        *(f"{name} is not published" for name in query.keys() - known.keys()),
        *(
            f"{name} may not be {query[name]}"
            for name in query.keys() & known.keys()
            if not _may_be(known[name], query[name])
        ),
    ]


def _may_be(schema: Schema, text: str) -> bool:
    if schema.get("type") == "integer":
        return text.isdecimal() and schema.get("minimum", 0) <= int(text) <= schema.get(
            "maximum", int(text)
        )
    if schema.get("format") == "date-time":
        return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) is not None
    return "enum" not in schema or text in schema["enum"]


def body_schema(described: Mapping[str, Any], operation: Mapping[str, Any]) -> Schema:
    """Of the one content type a request body may have."""
    (content,) = operation["requestBody"]["content"].values()
    return strict(described, content["schema"])


def faults(schema: Schema, value: Any) -> list[str]:
    """What is wrong with it, in words."""
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [
        f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(value)
    ]


def strict(described: Mapping[str, Any], schema: Any) -> Schema:
    """The schema without references, its parts joined, and closed where it lists properties.

    The alternatives of an endpoint overlap as they are printed: each takes the type of its example.
    """
    if "$ref" in schema:
        found: Any = described
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return strict(described, found)
    whole: Schema = {k: v for k, v in schema.items() if k not in ("allOf", "oneOf", "nullable")}
    for part in schema.get("allOf", ()):
        _join(whole, strict(described, part))
    if "oneOf" in schema:
        whole["anyOf"] = [_typed(strict(described, each)) for each in schema["oneOf"]]
    if "items" in whole:
        whole["items"] = strict(described, whole["items"])
    if "properties" in whole:
        properties = whole["properties"].items()
        whole["properties"] = {name: strict(described, each) for name, each in properties}
        whole["additionalProperties"] = False
    return whole


def _join(whole: Schema, part: Schema) -> None:
    for name, value in part.items():
        if name == "properties":
            whole["properties"] = {**whole.get("properties", {}), **value}
        elif name == "required":
            whole["required"] = [*whole.get("required", ()), *value]
        else:
            whole.setdefault(name, value)


def _typed(schema: Schema) -> Schema:
    kind = schema.get("properties", {}).get("type", {})
    if "example" in kind:
        kind["const"] = kind["example"]
    return schema
