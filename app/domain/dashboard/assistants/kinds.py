"""The kinds of form fields: how each shows a value of the JSON, and puts another into it. Pure.

A kind has ``shown``, the texts of its inputs, and ``changed``, the assistant with other texts. A
value of another type than the kind's is shown as empty, and stays until the input is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.assistant.fields import Json, list_of, object_of, texts_of
from app.domain.dashboard.assistants.paths import first_path, value_at, with_value, without
from providers.common.json_types import JsonDict

NO_NUMBER = "must be a number, such as 0.5"
FLAGS = {"true": True, "false": False}
CHECKED = "on"
END_CALL = "endCall"
OLDER_END_CALL = "endCallFunctionEnabled"


class FieldProblem(ValueError):
    """What is wrong with an input, as the end of a sentence."""


class Kind(Protocol):
    """A kind of field, for the paths of one."""

    def shown(self, assistant: Json) -> list[str]:
        """The texts of the field's inputs."""
        ...

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        """The assistant with these texts. Raises ``FieldProblem``."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A text. ``paths``: the field, then its older spellings."""

    paths: tuple[str, ...]
    is_long: bool = False

    def shown(self, assistant: Json) -> list[str]:
        value = value_at(assistant, first_path(assistant, self.paths))
        return [value if isinstance(value, str) else ""]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        path, text = first_path(assistant, self.paths), given[0]
        text = text if self.is_long else text.strip()
        return with_value(assistant, path, text) if text else without(assistant, path)


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is stored sealed. It is never shown, and an empty input leaves it."""

    paths: tuple[str, ...]

    def shown(self, assistant: Json) -> list[str]:
        return [""]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        return with_value(assistant, self.paths[0], given[0].strip())


@dataclass(frozen=True, slots=True)
class Number:
    """A number. An empty input removes it."""

    paths: tuple[str, ...]

    def shown(self, assistant: Json) -> list[str]:
        value = value_at(assistant, first_path(assistant, self.paths))
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return [json.dumps(value) if is_number else ""]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        path, text = first_path(assistant, self.paths), given[0].strip()
        if not text:
            return without(assistant, path)
        return with_value(assistant, path, _number(text))


def _number(text: str) -> int | float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or len(text) > 20 or "_" in text:
        raise FieldProblem(NO_NUMBER)
    return int(text) if text.lstrip("+-").isdecimal() else found


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes, no, or as without the field."""

    paths: tuple[str, ...]

    def shown(self, assistant: Json) -> list[str]:
        value = value_at(assistant, first_path(assistant, self.paths))
        return [json.dumps(value) if isinstance(value, bool) else ""]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        path = first_path(assistant, self.paths)
        if given[0] not in FLAGS:
            return without(assistant, path)
        return with_value(assistant, path, FLAGS[given[0]])


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of texts, one a line."""

    paths: tuple[str, ...]

    def shown(self, assistant: Json) -> list[str]:
        value = value_at(assistant, first_path(assistant, self.paths))
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return ["\n".join(value) if isinstance(value, list) and is_list else ""]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        path = first_path(assistant, self.paths)
        lines = [line.strip() for line in given[0].splitlines() if line.strip()]
        return with_value(assistant, path, lines) if lines else without(assistant, path)


@dataclass(frozen=True, slots=True)
class Ids:
    """A list of ids, a checkbox each."""

    paths: tuple[str, ...]

    def shown(self, assistant: Json) -> list[str]:
        holder, _, name = self.paths[0].rpartition(".")
        return texts_of(object_of(assistant, holder), name)

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        before = self.shown(assistant)
        kept = [each for each in before if each in given]
        ids = [*kept, *(each for each in given if each not in before)]
        path = self.paths[0]
        return with_value(assistant, path, ids) if ids else without(assistant, path)


@dataclass(frozen=True, slots=True)
class EndCall:
    """A checkbox for the tool by which the assistant ends the call."""

    def shown(self, assistant: Json) -> list[str]:
        tools = list_of(object_of(assistant, "model"), "tools")
        has_tool = any(_ends_call(tool) for tool in tools)
        return [CHECKED] if has_tool or assistant.get(OLDER_END_CALL) is True else []

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        tools = list_of(object_of(assistant, "model"), "tools")
        if given:
            return with_value(assistant, "model.tools", [*tools, {"type": END_CALL}])
        left = [tool for tool in tools if not _ends_call(tool)]
        without_flag = without(assistant, OLDER_END_CALL)
        if left:
            return with_value(without_flag, "model.tools", left)
        return without(without_flag, "model.tools") if tools else without_flag


def _ends_call(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") == END_CALL
