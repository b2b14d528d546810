"""Scenario files: read, merged with the file's defaults, checked. Errors name file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from pydantic import ValidationError

from app.cli.scenarios.expectations import UNKNOWN_WORD
from app.cli.scenarios.schema import AssistantSource, Scenario
from app.cli.vapi.core_yaml import CoreLoader
from providers.common.json_types import JsonDict

ENDINGS = (".yaml", ".yml")
FILE_WORDS = ("name", "scenarios")
"""Words of a file, beside the words of its scenarios, which are defaults there."""
Place = Sequence[str | int]


class BadScenario(Exception):
    """The files cannot be played. The message has a line for each fault, with file and line."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario, and where it is from."""

    scenario: Scenario
    path: Path
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each of its words; "" has that of the scenario."""

    def place(self, word: str = "") -> str:
        """File and line of a word, or of the scenario."""
        line = self.lines.get(word) or self.lines.get("")
        return f"{self.path}:{line}" if line else str(self.path)

    def error(self, word: str, text: str) -> str:
        """What is wrong with a word, with file and line."""
        return f"{self.place(word)}: {text}"

    @property
    def name(self) -> str:
        return self.scenario.name

    def beside(self, name: str) -> Path:
        """A file that the scenario names, relative to its own."""
        return self.path.parent / name


# Tag -> what stands before its pattern: keys such as 012 are neither an integer nor a float.
_NO_KEYS = {
    "tag:yaml.org,2002:int": r"(?=[-+]?(?:0|[1-9][0-9]*)\Z)",
    "tag:yaml.org,2002:float": r"(?!0[0-9]+\Z)",
}


class _Loader(CoreLoader):
    """Reads only plain decimal numbers as integers, so that keys ``012`` stay text."""

    yaml_implicit_resolvers: dict[str, Any] = {  # noqa: RUF012  # the library's form
        first: [
            (tag, re.compile(_NO_KEYS.get(tag, "") + pattern.pattern)) for tag, pattern in resolvers
        ]
        for first, resolvers in CoreLoader.yaml_implicit_resolvers.items()
    }


def load(paths: Sequence[str]) -> list[Loaded]:
    """The scenarios of files and folders, in their order. Raises ``BadScenario``."""
    found, faults = list[Loaded](), list[str]()
    for path in _files(paths):
        try:
            found += _read(path)
        except BadScenario as error:
            faults.append(str(error))
    first = dict[str, Loaded]()
    for each in found:
        other = first.setdefault(each.name, each)
        if other is not each:
            faults.append(f"{each.place()}: {other.place()} has a scenario {each.name!r} too")
    if faults:
        raise BadScenario("\n".join(faults))
    if not found:
        raise BadScenario(f"there is no scenario in {', '.join(paths)}")
    return found


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for each in map(Path, paths):
        if each.is_dir():
            yield from sorted(path for path in each.rglob("*") if path.suffix in ENDINGS)
        elif each.is_file():
            yield each
        else:
            raise BadScenario(f"{each}: there is no such file")


def _read(path: Path) -> Iterator[Loaded]:
    try:
        text = path.read_text()
        tree = yaml.compose(text, _Loader)
        # of the same class as above, so it makes plain values only
        value = yaml.load(text, _Loader)  # noqa: S506
    except (OSError, UnicodeError) as error:
        raise BadScenario(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadScenario(f"{path}{line}: {getattr(error, 'problem', error)}") from error
    lines = _Lines(path, tree)
    if faults := [f"{path}:{line}: {text}" for line, text in _unclear(tree, [], set())]:
        raise BadScenario("\n".join(faults))
    if not isinstance(value, dict):
        raise lines.error((), "a file is a mapping with a name and scenarios")
    yield from _scenarios(value, lines)


def _unclear(
    node: yaml.Node | None, around: list[yaml.Node], known: set[int]
) -> Iterator[tuple[int, str]]:
    """Lines with what YAML allows by mistake: a word twice, a value that holds itself."""
    if node in around:
        yield around[-1].start_mark.line + 1, "an alias (*) names what it stands in"
    if not isinstance(node, yaml.CollectionNode) or id(node) in known:
        return
    known.add(id(node))
    words = set[str]()
    inner = [*around, node]
    for each in node.value:
        if not isinstance(node, yaml.MappingNode):
            yield from _unclear(each, inner, known)
            continue
        key, value = each
        if isinstance(key, yaml.ScalarNode) and key.value in words:
            yield key.start_mark.line + 1, f"{key.value} stands here twice"
        words.add(str(key.value))
        yield from _unclear(value, inner, known)


def _scenarios(file: JsonDict, lines: _Lines) -> Iterator[Loaded]:
    entries = file.get("scenarios")
    if not isinstance(file.get("name"), str):
        raise lines.error((), "the file has no name")
    if not isinstance(entries, list) or not entries:
        raise lines.error(("scenarios",), "scenarios is a list with at least one scenario")
    defaults = {name: value for name, value in file.items() if name not in FILE_WORDS}
    faults = list[str]()
    for number, entry in enumerate(entries):
        place = ("scenarios", number)
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            faults.append(str(lines.error(place, "a scenario is a mapping with a name")))
            continue
        merged = {**defaults, **entry, "name": f"{file['name']}/{entry['name']}"}
        own = dict.fromkeys(entry, place)
        try:
            yield _checked(merged, lines, place, {**dict.fromkeys(defaults, ()), **own})
        except BadScenario as error:
            faults.append(str(error))
    if faults:
        raise BadScenario("\n".join(faults))


def _checked(merged: JsonDict, lines: _Lines, entry: Place, where: Mapping[str, Place]) -> Loaded:
    """``entry``: the scenario's place in the file; ``where``: the place that each key is in."""
    try:
        scenario = Scenario.model_validate(_with_assistant(merged))
    except ValidationError as error:
        raise BadScenario("\n".join(_faults(error, entry, where, lines))) from error
    placed = {word: lines.line((*place, word)) for word, place in where.items()}
    return Loaded(scenario, lines.path, {**placed, "": lines.line(entry)})


def _with_assistant(merged: JsonDict) -> JsonDict:
    """An assistant that is plain text is a file's name."""
    given = merged.get("assistant")
    return {**merged, "assistant": {"file": given}} if isinstance(given, str) else merged


def _faults(
    error: ValidationError, entry: Place, where: Mapping[str, Place], lines: _Lines
) -> Iterator[str]:
    for each in error.errors():
        inside = each["loc"]
        place = (*where.get(str(inside[0]), entry), *inside) if inside else entry
        if each["type"] == UNKNOWN_WORD:
            key = each["ctx"]["key"]
            place = (*place, key) if inside else (*where.get(key, entry), key)
        text = f"{inside[-1]} is missing" if each["type"] == "missing" else each["msg"]
        yield str(lines.error(place, _with_place(inside, text)))


def _with_place(inside: Place, text: str) -> str:
    """The fault, after the field that it is about."""
    path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in inside)
    return f"{path.removeprefix('.')}: {text}" if path else text


class _Lines:
    """Line numbers by the place of a value in a file."""

    def __init__(self, path: Path, tree: yaml.Node | None) -> None:
        self.path = path
        self._tree = tree

    def error(self, place: Place, text: str) -> BadScenario:
        return BadScenario(f"{self.path}:{self.line(place)}: {text}")

    def line(self, place: Place) -> int:
        """The line of the value, or of the nearest one around it."""
        node, line = self._tree, 1
        for step in place:
            found = _child(node, step)
            if found is None:
                continue  # a name that pydantic adds, as of a union's member
            line, node = found[0].start_mark.line + 1, found[1]
        return line


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that a mapping's key or a list's item begins with, and its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def assistant_source(scenario: Scenario) -> AssistantSource | None:
    """Where the assistant is; None: in the scenario itself."""
    given = scenario.assistant
    if given.keys() and given.keys() <= AssistantSource.model_fields.keys():
        return AssistantSource.model_validate(given)
    return None
