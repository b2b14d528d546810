"""What the audit takes for an answer: every package judged, by data that knows a guilty one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.audit import NO_DATA, judge, names

LOCKED = {"flask", "urllib3"}
FLASK = {"name": "Flask", "version": "3.1.2", "vulns": []}
URLLIB3 = {"name": "urllib3", "version": "2.5.0", "vulns": []}
SKIPPED = {"name": "urllib3", "skip_reason": "not found"}
BAD = {"name": "urllib3", "version": "2.0.0", "vulns": [{"id": "CVE-1"}]}
STRANGER = {"name": "left-pad", "version": "1", "vulns": []}
GUILTY = [{"name": "flask", "version": "0.12", "vulns": [{"id": "CVE-2018-1000656"}]}]


@pytest.mark.parametrize(
    ("report", "guilty", "status", "line"),
    [
        ([FLASK, URLLIB3], GUILTY, 0, "2 packages judged, 0 problems"),
        ([FLASK], GUILTY, 0, "1 packages judged, 0 problems"),  # a marker left one out
        ([FLASK, SKIPPED], GUILTY, 1, "urllib3 was skipped: not found"),
        ([FLASK, BAD], GUILTY, 1, "urllib3 2.0.0: CVE-1"),
        ([FLASK, URLLIB3, STRANGER], GUILTY, 1, "left-pad was judged, but is not locked"),
        ([SKIPPED], GUILTY, 2, NO_DATA),  # all of them
        ([], GUILTY, 2, NO_DATA),  # pip-audit failed
        ([FLASK, URLLIB3], [], 2, NO_DATA),
        ([FLASK, URLLIB3], [{**GUILTY[0], "vulns": []}], 2, NO_DATA),  # data that knows nothing
        ([FLASK, URLLIB3], [SKIPPED], 2, NO_DATA),
    ],
)
def test_the_judgement(report: Any, guilty: Any, status: int, line: str) -> None:
    found, lines = judge(LOCKED, report, guilty)
    assert found == status
    assert line in lines


def test_the_names_of_a_locked_file() -> None:
    text = (
        "flask==3.1.2 \\\n    --hash=sha256:00\ntyping_extensions==4 ; python_version < '3.12' \\\n"
    )
    assert names(text) == {"flask", "typing-extensions"}


# ------------------------------------------------------------------ where it is run and told

ROOT = Path(__file__).parents[1]
POLICY = (ROOT / ".github/SECURITY.md").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/audit.yml").read_text())


def test_github_audits_changes_and_every_week() -> None:
    when, [job] = WORKFLOW[True], WORKFLOW["jobs"].values()  # YAML 1.1 takes "on" for True
    assert when.keys() == {"push", "pull_request", "schedule"}
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make audit", "make sbom"]


@pytest.mark.parametrize("target", ["audit", "sbom"])
def test_the_tools_are_installed_by_hash(target: str) -> None:
    rules = (ROOT / "Makefile").read_text()
    assert f"\n{target}: $(AUDIT)/.ready" in rules
    assert "--require-hashes -r requirements-audit.txt" in rules


def test_the_policy_names_tests_and_commands_that_exist() -> None:
    paths = re.findall(r"`((?:tests|bench|docs)/[^`]+)`", POLICY)
    assert len(paths) > 15
    for path in paths:
        assert list(ROOT.glob(path)), path
    for module in re.findall(r"`python -m ([\w.]+)", POLICY):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    for target in re.findall(r"`make (\w+)`", POLICY):
        assert f"\n{target}: " in (ROOT / "Makefile").read_text()
