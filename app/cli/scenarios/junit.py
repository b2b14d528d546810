"""The results as JUnit's XML, which every CI reads.

https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from app.cli.scenarios.results import Outcome, Verdict

# What XML 1.0 cannot hold. https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(outcomes: Sequence[Outcome]) -> bytes:
    """A document with one suite, and a case for each scenario."""
    verdicts = [each.verdict for each in outcomes]
    suite = ET.Element(
        "testsuite",
        name="patchbay test",
        tests=str(len(outcomes)),
        failures=str(verdicts.count(Verdict.FAILED)),
        skipped=str(verdicts.count(Verdict.SKIPPED)),
        errors="0",
        time=f"{sum(each.seconds for each in outcomes):.3f}",
    )
    for outcome in outcomes:
        suite.append(_case(outcome))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _case(outcome: Outcome) -> ET.Element:
    group, _, name = outcome.name.rpartition("/")
    case = ET.Element(
        "testcase",
        classname=_clean(group),
        name=_clean(name),
        file=str(outcome.path),
        time=f"{outcome.seconds:.3f}",
    )
    if outcome.findings.failures:
        failure = ET.SubElement(case, "failure", message=_clean(outcome.findings.failures[0]))
        failure.text = _clean("\n".join(outcome.findings.failures))
    elif outcome.findings.skipped:
        ET.SubElement(case, "skipped", message=_clean("; ".join(outcome.findings.skipped)))
    if outcome.played is not None:
        out = ET.SubElement(case, "system-out")
        out.text = _clean(str(outcome.played.call.get("transcript") or ""))
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
