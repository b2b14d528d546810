"""The findings of a check as sentences, each of a bounded length."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.assistant.field_check import Finding
from app.domain.assistant.served_fields import Fate

SHOWN = 5
"""Findings of a sentence; the number of the others follows."""
MOST = 300
"""Characters of a sentence."""


def sentences(findings: Sequence[Finding]) -> list[str]:
    """What fails and what has no effect, a sentence each. Empty: all is served."""
    failing = [str(each) for each in findings if each.fate is Fate.REFUSED]
    idle = [each.path for each in findings if each.fate is Fate.IGNORED and not each.wrong]
    mistyped = [str(each) for each in findings if each.fate is Fate.IGNORED and each.mistyped]
    wrong = [str(each) for each in findings if each.fate is Fate.IGNORED and each.wrong]
    told = []
    if failing:
        told.append(_listed("calls would fail", failing))
    if mistyped:
        told.append(_listed("mistyped", mistyped))
    if wrong:
        told.append(_listed("wrong", wrong))
    if idle:
        told.append(_listed(f"{len(idle)} without effect here", idle))
    return told


def _listed(what: str, each: Sequence[str]) -> str:
    more = f", and {len(each) - SHOWN} more" if len(each) > SHOWN else ""
    text = f"{what}: {', '.join(each[:SHOWN])}"
    return f"{text[: MOST - len(more)]}{more}"
