"""The destinations of the first ``transferCall`` tool, a row of inputs each. Pure.

Destinations that are neither a number nor a SIP address are not shown. They stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.assistant.fields import Json, list_of, object_of, text_of
from app.domain.dashboard.assistants.kinds import FieldProblem
from app.domain.dashboard.assistants.paths import with_value, without
from providers.common.e164 import E164
from providers.common.json_types import JsonDict

TRANSFER = "transferCall"
TOOLS = "model.tools"
FIELDS = {"number": "number", "sip": "sipUri"}
"""``type`` of a destination -> the field with its address."""
TEXTS = frozenset({"message", "description"})
MOST = 20
"""Rows that are read."""
NO_ADDRESS = "must be a number such as +14155550100, or a SIP address such as sip:desk@example.com"


class Row(NamedTuple):
    """``to``: a number or a SIP address; ``message``: said first; ``about``: for the model."""

    to: str = ""
    message: str = ""
    about: str = ""

    @property
    def on_one_line(self) -> Row:
        """As inputs of one line hold it."""
        return Row(*(text.replace("\r", "").replace("\n", "") for text in self))


def rows(texts: Sequence[str]) -> list[Row]:
    """The texts of the inputs, three a row, without the empty rows at the end."""
    width = len(Row._fields)
    cut = (texts[first : first + width] for first in range(0, len(texts), width))
    found = [Row(*each) for each in cut if len(each) == width]
    while found and not any(map(str.strip, found[-1])):
        found.pop()
    return found


@dataclass(frozen=True, slots=True)
class Transfers:
    """A kind of field, as those of ``kinds.py``, whose inputs are three a row."""

    paths: tuple[str, ...] = (TOOLS,)

    def shown(self, assistant: Json) -> list[str]:
        return [text for row in _shown(assistant) for text in row]

    def changed(self, assistant: Json, given: Sequence[str]) -> JsonDict:
        """A stored destination whose address is cleared is gone."""
        wanted = rows(given)
        if wanted == rows([text for row in _shown(assistant) for text in row.on_one_line]):
            return dict(assistant)
        return _changed_rows(assistant, wanted[:MOST])


def _shown(assistant: Json) -> list[Row]:
    return [_row(each) for each in _destinations(_tool(assistant)) if _is_shown(each)]


def _changed_rows(assistant: Json, given: Sequence[Row]) -> JsonDict:
    tool = _tool(assistant)
    waiting = list(given)
    made: list[object] = []
    for each in _destinations(tool):
        if not _is_shown(each):
            made.append(each)
        elif waiting:
            made += _changed(each, waiting.pop(0))
    for row in waiting:
        made += _changed({}, row)
    return _with_tool(assistant, tool, made)


def _changed(stored: object, row: Row) -> Iterator[JsonDict]:
    """One destination, with what the row does not show; none without an address."""
    old = dict(stored) if isinstance(stored, Mapping) else {}
    to = row.to.strip()
    if old and row == _row(old).on_one_line:
        yield old
        return
    if not to:
        if not old and any(map(str.strip, row)):
            raise FieldProblem(NO_ADDRESS)
        return
    kind = "sip" if to.startswith("sip:") else "number"
    to = to if kind == "sip" or "{{" in to else "".join(c for c in to if c not in " ()-.")
    if not (_is_sip(to) if kind == "sip" else "{{" in to or E164.fullmatch(to)):
        raise FieldProblem(NO_ADDRESS)
    new = {name: value for name, value in old.items() if name not in FIELDS.values()}
    new |= {"type": kind, FIELDS[kind]: to}
    for name, text in (("message", row.message), ("description", row.about)):
        before = text_of(old, name)
        if text not in (before, Row(message=before).on_one_line.message):
            new[name] = text.strip()
    yield {name: value for name, value in new.items() if name not in TEXTS or value != ""}


def _is_sip(address: str) -> bool:
    user, at, host = address.removeprefix("sip:").partition("@")
    return bool(user and at and host) and address.isprintable() and " " not in address


def _row(destination: object) -> Row:
    given = destination if isinstance(destination, Mapping) else {}
    to = text_of(given, FIELDS[str(given.get("type") or "number")])
    return Row(to, text_of(given, "message"), text_of(given, "description"))


def _is_shown(destination: object) -> bool:
    return isinstance(destination, Mapping) and destination.get("type") in (*FIELDS, None)


def _tool(assistant: Json) -> Json:
    tools = list_of(object_of(assistant, "model"), "tools")
    found = (each for each in tools if isinstance(each, Mapping) and each.get("type") == TRANSFER)
    return next(found, {})


def _destinations(tool: Json) -> list[object]:
    return list_of(tool, "destinations")


def _with_tool(assistant: Json, tool: Json, destinations: list[object]) -> JsonDict:
    """The tool keeps its place and its other fields. One that was nothing else is gone."""
    tools = list_of(object_of(assistant, "model"), "tools")
    own = {**tool, "type": TRANSFER, "destinations": destinations}
    if not destinations and tool.keys() <= {"type", "destinations"}:
        left = [each for each in tools if each is not tool]
    elif tool:
        left = [own if each is tool else each for each in tools]
    else:
        left = [*tools, own]
    if left:
        return with_value(assistant, TOOLS, left)
    return without(assistant, TOOLS) if tools else dict(assistant)
