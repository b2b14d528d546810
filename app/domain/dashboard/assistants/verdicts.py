"""What is said beside each field of the form: its fate here, and what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.dashboard.assistants.form_fields import FIELDS, FormField

WORST_FIRST = (Fate.REFUSED, Fate.IGNORED, Fate.MAPPED, Fate.SERVED)
WORDS: Mapping[Fate, str] = {
    Fate.REFUSED: "refused",
    Fate.IGNORED: "no effect",
    Fate.MAPPED: "mapped",
    Fate.SERVED: "served",
}
MOST_REASONS = 3
MOST_TEXT = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """Beside one field. ``reasons``: of its fate; ``problems``: why it cannot be saved."""

    fate: Fate | None = None
    reasons: Sequence[str] = ()
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of all fields. ``others``: sentences that are about no field of the form."""

    of: Mapping[str, Verdict]
    others: Sequence[str]


def beside(
    findings: Sequence[Finding], problems: Sequence[str], unread: Mapping[str, str]
) -> Verdicts:
    """``problems``: the sentences of a 400. ``unread``: field -> why its input was not taken."""
    fields = {sentence: _field_of(sentence) for sentence in problems}
    made = {}
    for each in FIELDS:
        own = [sentence for sentence, name in fields.items() if name == each.name]
        read = [unread[each.name]] if each.name in unread else []
        made[each.name] = _verdict(each, findings, [*read, *own])
    return Verdicts(made, [sentence for sentence, name in fields.items() if name is None])


def _verdict(each: FormField, findings: Sequence[Finding], problems: Sequence[str]) -> Verdict:
    own = [finding for finding in findings if _is_about(each, finding.path)]
    worst = next((fate for fate in WORST_FIRST if any(f.fate is fate for f in own)), None)
    reasons = dict.fromkeys(_reason(each, f) for f in own if f.fate is worst and f.why)
    return Verdict(worst, _cut(reasons), _cut(problems))


def _reason(each: FormField, finding: Finding) -> str:
    """With its path, where it is of a field within this one."""
    return finding.why if finding.path in each.paths else str(finding)


def _cut(sentences: Iterable[str]) -> list[str]:
    return [each[:MOST_TEXT] for each in sentences][:MOST_REASONS]


def _is_about(each: FormField, path: str) -> bool:
    """Whether a finding is this field's. That of a whole stage is its provider's."""
    plain = re.sub(r"\.\d+(?=\.|$)", "", path)
    stage, _, last = each.name.partition(".")
    if last == "provider" and stage in each.paths:
        return plain in (stage, each.name)
    return any(plain == own or plain.startswith(f"{own}.") for own in each.paths)


def _field_of(sentence: str) -> str | None:
    """The field that a sentence begins with, or has in backticks; the longest path counts."""
    named = re.match(r"(?:each value in )?([\w.:]+)", sentence)
    quoted = re.search(r"`([\w.]+)`", sentence)
    for found in (named, quoted):
        path = re.sub(r"\.\d+(?=\.|$)", "", found[1].rstrip(":.")) if found else ""
        fits = [
            (len(own), each.name)
            for each in FIELDS
            for own in each.paths
            if path == own or path.startswith(f"{own}.")
        ]
        if fits:
            return max(fits)[1]
    return None
