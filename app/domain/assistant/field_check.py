"""What becomes of the fields of one assistant, by the table of ``served_fields.py``. Pure.

Fields whose names are not Vapi's are told too: a mistyped one has no effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import chain, islice
from typing import NamedTuple

from app.domain.assistant import (
    carrier_speech,
    number_hooks,
    speech_fields,
    tool_parts,
    transfer_places,
    value_forms,
)
from app.domain.assistant.config import BY_CARRIER
from app.domain.assistant.fields import FREE, Json, is_absent, object_of, objects_of, text_of
from app.domain.assistant.hooks import without_effect
from app.domain.assistant.served_fields import (
    ALWAYS_ON,
    OF_NUMBERS,
    READ_ONLY,
    ROWS,
    SERVED,
    SERVER_OF_MODEL,
    TOOL_TYPES,
    TOOLS_OWN,
    VENDORS_OWN,
    Fate,
    Row,
    ignored,
)
from app.vendors import registry
from app.vendors.common.vendor import SpeechPart

MOST = 500
"""Findings of one assistant."""
SIMILAR = 0.8
"""From here on a name counts as a mistyped other one: 1 is the same."""
STAGES: Mapping[str, str] = {
    "model": "model",
    "transcriber": "transcriber",
    "transcriber.fallbackPlan.transcribers": "transcriber",
    "voice": "voice",
    "voice.fallbackPlan.voices": "voice",
}
"""Objects with a ``provider`` -> its stage."""
TOOLS = "model.tools"
APPENDED = "tools:append"
NO_SUCH = "no such field"
NUMBERS = re.compile(r"\.\d+")
OF_OTHER_TYPES = ignored("of another type of tool")


class Finding(NamedTuple):
    """One field. ``path``: with the numbers of lists; ``why`` as in ``Row``."""

    path: str
    fate: Fate
    why: str = ""
    never: bool = False
    """Refused for good: no credential and no setting can mend it."""
    wrong: bool = False
    """Without effect because of its value, or because it is missing."""

    @property
    def mistyped(self) -> bool:
        """Whether Vapi has no field of this name."""
        return self.why.startswith(NO_SUCH)

    def __str__(self) -> str:
        return f"{self.path}: {self.why}" if self.why else self.path


def check_fields(assistant: Json) -> list[Finding]:
    """Every field with its fate, in the order of the assistant. Nulls count as absent."""
    never = chain(
        without_effect(assistant), transfer_places.without_effect(transfer_places.places(assistant))
    )
    idle = (Finding(path, Fate.IGNORED, why) for path, why in never)
    found = islice(chain(_object(assistant, "", ""), _of_hooks(assistant), idle), MOST)
    if text_of(object_of(assistant, "transport"), "conversationType") == BY_CARRIER:
        return [_by_carrier(assistant, each) for each in found]
    part = registry.speech_part(object_of(assistant, "model"))
    return [*found] if part is None else [_with_model(part, assistant, each) for each in found]


def _by_carrier(assistant: Json, finding: Finding) -> Finding:
    """The finding, with what a carrier that hears and speaks by itself makes of the field."""
    row = carrier_speech.row_of(assistant, NUMBERS.sub("", finding.path))
    return finding if row is None else Finding(finding.path, row.fate, row.why)


def _with_model(part: SpeechPart, assistant: Json, finding: Finding) -> Finding:
    """The finding, with what a model that hears and speaks by itself makes of the field."""
    if finding.fate is Fate.REFUSED or finding.mistyped:
        return finding
    row = speech_fields.row_of(part, assistant, NUMBERS.sub("", finding.path))
    return finding if row is None else Finding(finding.path, row.fate, row.why)


def check_tool(tool: Json) -> list[Finding]:
    """The same of a stored tool."""
    return [*islice(_object(tool, "", f"{TOOLS}."), MOST)]


def _of_hooks(assistant: Json) -> Iterator[Finding]:
    """The tools of hooks' actions."""
    for number, hook in enumerate(objects_of(assistant, "hooks")):
        for place, action in enumerate(objects_of(hook, "do")):
            if tool := object_of(action, "tool"):
                yield from _object(tool, f"hooks.{number}.do.{place}.tool.", f"{TOOLS}.")


def check_number(body: Json) -> list[Finding]:
    """The fields of a phone number that have no effect."""
    server = {"server": body["server"]} if isinstance(body.get("server"), Mapping) else {}
    found = [each for each in check_fields(server) if each.fate is not Fate.SERVED]
    for path, row in OF_NUMBERS.items():
        holder, _, name = path.rpartition(".")
        inside = object_of(body, holder) if holder else body
        if inside.get(name) not in (None, False):  # False is what happens
            found.append(Finding(path, row.fate, row.why))
    idle = number_hooks.without_effect(body)
    return [*found, *(Finding(path, Fate.IGNORED, why) for path, why in idle)]


def _object(given: Json, path: str, key: str) -> Iterator[Finding]:
    """``path``: of the object with its point; ``key``: the same without numbers."""
    holder = key.removesuffix(".")
    tool = TOOL_TYPES.get(text_of(given, "type"), _no_tool(given)) if holder == TOOLS else SERVED
    if tool.fate is not Fate.SERVED:
        yield Finding(f"{path}type", tool.fate, tool.why)
        return
    if holder == TOOLS:
        for name, why in tool_parts.problems(given):
            yield Finding(f"{path}{name}", Fate.IGNORED, why, wrong=True)
    for name, value in given.items():
        if value is not None and not (holder in ("", TOOLS) and name in READ_ONLY):
            yield from _field(given, path, key, name, value)


def _field(holder: Json, path: str, key: str, name: str, value: object) -> Iterator[Finding]:
    row = row_of(key, name, registry.name_of(holder.get("provider")))
    if key == f"{TOOLS}." and not tool_parts.is_used(name, kind := text_of(holder, "type")):
        row = ignored(f"not used with the type {kind}")
    wrong = None if is_absent(name, value) else value_forms.problem(f"{key}{name}", value)
    if wrong and row.fate in (Fate.SERVED, Fate.MAPPED):
        yield Finding(f"{path}{name}", Fate.IGNORED, wrong, wrong=True)
        return
    if key == "" and name == APPENDED and isinstance(value, list):
        for number, each in enumerate(objects_of(holder, name)):
            yield from _object(each, f"{APPENDED}.{number}.", f"{TOOLS}.")
        return
    if row.fate is Fate.SERVED and f"{key}{name}" in _holders() and name not in FREE:
        inner = value if isinstance(value, list) else [value]
        objects = [(n, each) for n, each in enumerate(inner) if isinstance(each, Mapping)]
        for number, each in objects:
            place = f"{name}.{number}" if isinstance(value, list) else name
            yield from _object(each, f"{path}{place}.", f"{key}{name}.")
        if objects:
            return
    if _is_what_happens(f"{key}{name}", row, value):
        row = SERVED
    yield Finding(f"{path}{name}", row.fate, row.why)


def _is_what_happens(field: str, row: Row, value: object) -> bool:
    """Whether it switches off what is not done here. Clients send each flag of Vapi's."""
    off = value is False and row.fate is Fate.IGNORED
    return off and field not in ALWAYS_ON and not row.why.startswith(NO_SUCH)


def row_of(key: str, name: str, provider: str = "") -> Row:
    """The row of a field. ``key``: of its object, with a point; ``provider``: the object's own."""
    stage = STAGES.get(key.removesuffix("."))
    if stage == "model" and name in SERVER_OF_MODEL and not _asks_a_server(provider):
        return ignored("for a model on your own server only")
    if found := ROWS.get(f"{key}{name}"):
        return found
    if f"{key}{name}" in _holders():
        return SERVED
    if stage is not None and name in _names_of(stage):
        vendor = registry.VENDORS.get(provider)
        part = vendor.part(stage) if vendor else None
        return SERVED if part and name in part.fields else ignored(_not_taken(provider))
    if key == f"{TOOLS}." and name in TOOLS_OWN:
        return OF_OTHER_TYPES
    return _unknown(key, name)


def is_known(key: str, name: str) -> bool:
    """Whether Vapi has this field, as far as the tables know."""
    return row_of(key, name) != _unknown(key, name)


def _not_taken(provider: str) -> str:
    return f"not used with {provider[:40]}" if provider else "not used without a provider"


def _unknown(key: str, name: str) -> Row:
    [*near] = get_close_matches(name[:80], _children()[key], 1, SIMILAR)
    return ignored(f"{NO_SUCH}: is `{near[0]}` meant?" if near else f"{NO_SUCH} of Vapi's")


def _no_tool(given: Json) -> Row:
    return ignored("no such type of tool") if given.get("type") else SERVED


def _asks_a_server(provider: str) -> bool:
    part = registry.llm_parts().get(provider)
    return part is not None and part.server_in_assistant


def _names_of(stage: str) -> frozenset[str]:
    """The fields of any vendor."""
    parts = (vendor.part(stage) for vendor in registry.VENDORS.values())
    return VENDORS_OWN[stage].union(*(part.fields for part in parts if part))


@cache
def _children() -> Mapping[str, tuple[str, ...]]:
    """Key of an object, with a point -> the names in it, for a mistyped one."""
    found: dict[str, dict[str, None]] = {"": {}}
    for path in ROWS:
        parts = path.split(".")
        for depth, name in enumerate(parts):
            key = "".join(f"{part}." for part in parts[:depth])
            found.setdefault(key, {})[name] = None
    for key, stage in STAGES.items():
        found.setdefault(f"{key}.", {}).update(dict.fromkeys(sorted(_names_of(stage))))
    return {key: tuple(names) for key, names in found.items()}


@cache
def _holders() -> frozenset[str]:
    """Keys of the objects that have rows of their own, without a point."""
    return frozenset(key.removesuffix(".") for key in _children() if key)
