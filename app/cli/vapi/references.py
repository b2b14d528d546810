"""Replaces the references between objects: Vapi's ids, or the names of files, by ids here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.domain.assistant.fields import FREE
from app.domain.ids import parse_uuid
from providers.common.json_types import JsonDict, JsonObject

CREDENTIAL = "credential"
FIELDS: Mapping[str, str] = {
    "assistantId": "assistant",
    "assistantIds": "assistant",
    "credentialId": CREDENTIAL,
    "credentialIds": CREDENTIAL,
    "fileIds": "file",
    "squadId": "squad",
    "structuredOutputId": "structured output",
    "structuredOutputIds": "structured output",
    "toolId": "tool",
    "toolIds": "tool",
}
"""Field, at any depth -> the kind of what it names."""
SPELLINGS = {"assistant_ids": "assistantIds"}
"""Field of gitops's files -> Vapi's."""
COMMENT = "##"
"""What follows it in a reference of gitops is for people."""


class Missing(NamedTuple):
    """A reference to what is not imported."""

    path: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class References:
    """``known``: kind -> id at the source, or its other name -> id here."""

    known: Mapping[str, Mapping[str, str]]
    missing: list[Missing] = field(default_factory=list)

    def mapped(self, body: JsonObject, path: str = "") -> JsonDict:
        """The body with ids of this installation. ``missing`` gets what is not known.

        A list of credentials loses the unknown ones: a call would fail with them.
        """
        found = {}
        for given, value in body.items():
            name = SPELLINGS.get(given, given)
            if name in FREE:
                found[name] = value
            elif kind := FIELDS.get(name):
                found[name] = self._named(value, kind, path + name)
            else:
                found[name] = self._any(value, path + name)
        return found

    def _any(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return self.mapped(value, f"{path}.")
        if isinstance(value, list):
            return [self._any(each, f"{path}.{number}") for number, each in enumerate(value)]
        return value

    def _named(self, value: Any, kind: str, path: str) -> Any:
        if not isinstance(value, list):
            return self._one(value, kind, path)
        ids = [self._one(each, kind, path) for each in value]
        if kind != CREDENTIAL:
            return ids
        lost = {each.name for each in self.missing if each.path == path}
        return [id for id in ids if id not in lost]

    def _one(self, value: Any, kind: str, path: str) -> Any:
        if not isinstance(value, str) or not value:
            return value
        name = value.partition(COMMENT)[0].strip()
        name = parse_uuid(name) or name
        if here := self.known.get(kind, {}).get(name):
            return here
        self.missing.append(Missing(path, kind, name))
        return name
