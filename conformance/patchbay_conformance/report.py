"""The results as a table, as JSON, and as JUnit's XML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from textwrap import shorten
from typing import Any
from xml.etree import ElementTree

from patchbay_conformance.row import Result
from patchbay_conformance.verdict import Outcome

MARKS = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.NOT_ASKED: "not asked"}
LONGEST = 100
NAME = "patchbay-conformance"


def table(results: Sequence[Result]) -> str:
    """A line for each row; under it, why it failed or was not asked."""
    width = max((len(result.row.id) for result in results), default=0)
    lines = []
    for result in results:
        says = shorten(result.row.says, LONGEST, placeholder=" ...")
        lines.append(f"{MARKS[result.outcome]:<9}  {result.row.id:<{width}}  {says}")
        if result.reason:
            lines.append(f"{'':<9}  {'':<{width}}  -> {result.reason}")
    return "\n".join([*lines, "", summary(results)])


def summary(results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)


def as_json(results: Sequence[Result], url: str) -> str:
    rows: list[dict[str, Any]] = [
        {
            "id": result.row.id,
            "outcome": str(result.outcome),
            "says": result.row.says,
            "asked": result.row.asked,
            "reason": result.reason,
            "seconds": round(result.seconds, 3),
        }
        for result in results
    ]
    counts = Counter(row["outcome"] for row in rows)
    return json.dumps({"server": url, "counts": counts, "rows": rows}, indent=2)


def as_junit(results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    suite = ElementTree.Element(
        "testsuite",
        name=NAME,
        tests=str(len(results)),
        failures=str(counts[Outcome.FAILED]),
        skipped=str(counts[Outcome.NOT_ASKED]),
        errors="0",
    )
    for result in results:
        group, _, name = result.row.id.partition(".")
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{NAME}.{group}",
            name=name,
            time=f"{result.seconds:.3f}",
        )
        if result.outcome is Outcome.FAILED:
            ElementTree.SubElement(case, "failure", message=_plain(result.reason))
        if result.outcome is Outcome.NOT_ASKED:
            ElementTree.SubElement(case, "skipped", message=_plain(result.reason))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _plain(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(each if each.isprintable() else " " for each in text)
