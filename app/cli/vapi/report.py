"""The report of an import: a line per object, and per field that needs to be known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.resources.importing import State
from providers.common.json_types import JsonDict

REFUSED, GONE = "refused", "no longer at Vapi: it stays here"
SET, NEEDED = "set here", "to be set here"
"""Of a credential."""
NEEDS_YOU = frozenset({REFUSED, NEEDED, State.CONFLICT})
HINTS = {
    State.CONFLICT: "--overwrite takes Vapi's",
    State.DELETED_HERE: "--overwrite creates it again",
    State.CHANGED_HERE: "Vapi's is as it was",
}
DRY_RUN = "Dry run: nothing is stored. Add --write to do it."


@dataclass(frozen=True, slots=True)
class Entry:
    """One object and its fields."""

    kind: str
    name: str
    state: str
    source_id: str = ""
    id: str = ""
    """Here; empty where it is not stored."""
    findings: Sequence[Finding] = ()

    @property
    def needs_you(self) -> bool:
        return self.state in NEEDS_YOU or any(each.fate is Fate.REFUSED for each in self.findings)


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or would do."""

    written: bool
    entries: list[Entry] = field(default_factory=list)
    notes: Sequence[str] = ()

    @property
    def exit_code(self) -> int:
        """0, or 1 where the operator must change something."""
        return int(any(each.needs_you for each in self.entries))

    def lines(self, *, all_fields: bool = False) -> Iterator[str]:
        """For a person. Without ``all_fields`` served fields are only counted."""
        for entry in self.entries:
            yield _heading(entry)
            yield from _fields(entry, all_fields=all_fields)
        for note in self.notes:
            yield f"note: {note}"
        yield self.summary
        if not self.written:
            yield DRY_RUN

    @property
    def summary(self) -> str:
        counts = Counter(str(each.state) for each in self.entries)
        failing = sum(each.needs_you for each in self.entries)
        told = ", ".join(f"{count} {state.partition(':')[0]}" for state, count in counts.items())
        return f"{told or 'nothing found'}; {failing} need a change of yours"

    def json(self) -> JsonDict:
        return {
            "written": self.written,
            "objects": [_json(each) for each in self.entries],
            "notes": list(self.notes),
        }


def _heading(entry: Entry) -> str:
    hint = HINTS.get(State(entry.state)) if entry.state in set(State) else None
    ids = ""
    if entry.id:
        ids = f" {entry.id}" if entry.id == entry.source_id else f" {entry.id}, a new id"
    return f"{entry.kind} {entry.name}{ids}: {entry.state}" + (f" ({hint})" if hint else "")


def _fields(entry: Entry, *, all_fields: bool) -> Iterator[str]:
    served = 0
    for each in entry.findings:
        if each.fate is Fate.SERVED and not all_fields and not each.why:
            served += 1
        else:
            yield f"  {each.fate:<8} {str(each).removeprefix(': ')}"
    if served:
        yield f"  served   {served} field{'s' if served > 1 else ''}"


def _json(entry: Entry) -> JsonDict:
    fields = [
        {"path": each.path, "fate": str(each.fate), **({"reason": each.why} if each.why else {})}
        for each in entry.findings
    ]
    about = {"kind": entry.kind, "name": entry.name, "state": str(entry.state)}
    return {**about, "sourceId": entry.source_id, "id": entry.id or None, "fields": fields}
