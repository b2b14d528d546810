"""The types of the fields of a voice or transcriber: one table for their entry and their connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

WORDS: Mapping[type, str] = {
    bool: "a boolean value",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array of strings",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Field:
    """``name``: the vendor's. ``kind``: the type of Vapi's field, one of ``WORDS``."""

    name: str
    kind: type
    choices: tuple[str, ...] = ()
    """The only values of a text."""
    or_one: bool = False
    """One text stands for a list of it."""

    def problem(self, value: object) -> str | None:
        """Why this cannot be its value, for its author; None: it can."""
        if self.or_one and isinstance(value, str):
            return None
        if not is_of(self.kind, value):
            return f"must be {WORDS[self.kind]}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        return None

    def read(self, value: object) -> object:
        """A value without a problem, in its type."""
        return [value] if self.or_one and isinstance(value, str) else self.kind(value)


def is_of(kind: type, value: object) -> bool:
    """Whether the value has this type.

    JSON's whole numbers may come as 10.0; a boolean is not a number.
    """
    if kind in (int, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, kind)


def problems(config: Mapping[str, object], table: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    """The wrong fields, each with its reason. Nulls count as absent."""
    for name, field in table.items():
        value = config.get(name)
        problem = None if value is None else field.problem(value)
        if problem:
            yield name, problem


def of_kinds(**kinds: type) -> dict[str, Field]:
    """A table of fields that keep their names."""
    return {name: Field(name, kind) for name, kind in kinds.items()}
