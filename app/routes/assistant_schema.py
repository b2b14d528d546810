"""All fields of an assistant, for the OpenAPI document.

The API checks few of them, and keeps the others as they came. Those come from two tables: of what
becomes of each field, and of what each vendor reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.domain.assistant.served_fields import ROWS, Fate, Row
from app.routes.assistant_examples import ASSISTANT, EXAMPLES
from app.vendors import registry
from app.vendors.common.field import Field
from providers.common.json_types import JsonDict

REF = "#/components/schemas/"
SCHEMAS = ("Assistant", "AssistantOverrides")
"""The schemas that get the fields."""
CHECKED = ("Server", "Transport")
"""Their objects, whose own schemas have the fields that are checked."""
STAGES = ("model", "voice", "transcriber")
LISTS = frozenset(
    {
        "hooks",
        "model.messages",
        "model.tools",
        "model.tools.destinations",
        "startSpeakingPlan.customEndpointingRules",
    }
)
"""Fields whose objects are in a list."""
KNOWN: Mapping[str, JsonDict] = {
    "model.tools.server": {"$ref": f"{REF}Server"},
    "voice.server": {"$ref": f"{REF}Server"},
    "transcriber.server": {"$ref": f"{REF}Server"},
    "voice.fallbackPlan.voices": {"type": "array", "items": {"$ref": f"{REF}Voice"}},
    "transcriber.fallbackPlan.transcribers": {
        "type": "array",
        "items": {"$ref": f"{REF}Transcriber"},
    },
}
"""Fields whose schema is another one of the document."""
TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
ABOUT = {
    "model": "The model. Each provider reads its own of these fields.",
    "voice": "The voice. Each provider reads its own of these fields.",
    "transcriber": "The transcriber. Each provider reads its own of these fields.",
}
"""Descriptions of objects, by path."""


def extend(components: JsonDict) -> None:
    """Add the fields to the schemas of assistants, and the schemas of their objects."""
    made: JsonDict = {}
    fields = {name: _schema(made, name) for name in _children("")}
    for name in SCHEMAS:
        known = components[name]["properties"]
        told = {n for n, own in known.items() if own.keys() & {"type", "anyOf", "$ref"}}
        known |= {n: own for n, own in sorted(fields.items()) if n not in told}
    for name in CHECKED:
        known, path = components[name]["properties"], name.lower()
        more = {n: f"{path}.{n}" for n in _children(path) if n not in known}
        known |= {n: _leaf(where, ROWS[where]) for n, where in more.items()}
    for name in _used(components, made):
        components[name] = made[name]
    components["Assistant"]["examples"] = [ASSISTANT]


def _used(components: JsonDict, made: JsonDict) -> set[str]:
    """The names of new schemas that something refers to: some fields had one before."""
    found = set[str]()
    waiting = [components[name] for name in SCHEMAS]
    while waiting:
        new = set(_references(waiting.pop())) & made.keys() - components.keys() - found
        found |= new
        waiting += [made[name] for name in new]
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(REF)
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _references(each)


def _children(path: str) -> list[str]:
    """The names of the fields of the object at this path, each once."""
    start = f"{path}." if path else ""
    below = (each.removeprefix(start) for each in ROWS if each.startswith(start))
    return list(dict.fromkeys(each.partition(".")[0] for each in below))


def _schema(made: JsonDict, path: str) -> JsonDict:
    """The schema of the field at this path. Objects get one of their own in ``made``."""
    if path in KNOWN:
        return dict(KNOWN[path])
    names = _children(path)
    if not names:
        return _leaf(path, ROWS[path])
    properties = {name: _schema(made, f"{path}.{name}") for name in names}
    if path in STAGES:
        properties = {**properties, **_of_vendors(path)}
    title = "".join(word[:1].upper() + word[1:] for word in path.split("."))
    about = {"description": ABOUT[path]} if path in ABOUT else {}
    made[title] = {
        "type": "object",
        **about,
        "properties": properties,
        "additionalProperties": True,
    }
    ref = {"$ref": REF + title}
    return {"type": "array", "items": ref} if path in LISTS else ref


def _leaf(path: str, row: Row) -> JsonDict:
    found: JsonDict = {}
    if about := _about(row):
        found["description"] = about
    if path in EXAMPLES:
        example = EXAMPLES[path]
        found |= {"type": TYPES[type(example)], "examples": [example]}
        if isinstance(example, list):
            found["items"] = {"type": TYPES[type(example[0])]}
    return found


def _about(row: Row) -> str:
    why = row.why[:1].upper() + row.why[1:]
    if row.fate is Fate.IGNORED:
        return f"Kept without effect: {row.why}."
    if row.fate is Fate.REFUSED:
        return f"Refused: {row.why}."
    return f"{why}." if why else ""


def _of_vendors(stage: str) -> JsonDict:
    """The provider, and the fields that only some providers read."""
    parts = {name: part for name, each in registry.VENDORS.items() if (part := each.part(stage))}
    aliases = [alias for name in parts for alias in registry.VENDORS[name].aliases]
    provider = {"type": "string", "enum": [*parts, *aliases], "examples": [next(iter(parts))]}
    readers: dict[str, dict[str, Field]] = {}
    for name, part in parts.items():
        for field, own in part.fields.items():
            readers.setdefault(field, {})[name] = own
    named = {field: _vendor_field(stage, field, of) for field, of in sorted(readers.items())}
    return {"provider": provider, **named}


def _vendor_field(stage: str, name: str, readers: Mapping[str, Field]) -> JsonDict:
    """One field, with the providers that read it, and its type where they agree."""
    path = f"{stage}.{name}"
    found: JsonDict = {"description": f"Read by {', '.join(readers)}."}
    types = set(_types(readers.values()))
    if len(types) == 1:
        [kind] = types
        found["type"] = kind
        if kind == "array":
            found["items"] = {"type": "string"}
    if path in EXAMPLES:
        found["examples"] = [EXAMPLES[path]]
    return found


def _types(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        yield TYPES[field.kind]
        if field.or_one:
            yield TYPES[str]
