"""Runs the narrow tests of a core, in this process, and sees what they run."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest

from bench.cores import Core
from bench.forked import in_child

ROOT = Path(__file__).parents[1]
SECONDS = 600.0
OURS = {"app", "providers", "tests", "docs", "bench", "__main__", "conftest"}
QUIET = [
    *("-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"),
    *("--hypothesis-profile=again", "-W", "ignore::pytest.PytestAssertRewriteWarning"),
]


class Seen(NamedTuple):
    """What a core's tests ran, by the path of each of its modules."""

    foreign: list[str]
    """Modules that they imported and that are not ours."""
    lines: Mapping[str, Mapping[str, list[str]]]
    """Line -> the tests that ran it; an empty name is an import or a fixture."""
    branches: Mapping[str, tuple[int, list[list[int]]]]
    """The number of branches, and those not taken."""


def run_tests(tests: Sequence[str]) -> bool:
    """Whether all pass. Hypothesis draws the same examples each time."""
    import hypothesis

    hypothesis.settings.register_profile(
        "again",
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[*hypothesis.HealthCheck],
    )
    return pytest.main([*QUIET, *tests]) == pytest.ExitCode.OK


def see(name: str, core: Core) -> Seen:
    """Run a core's tests once, in a child."""
    found = in_child(partial(_see, core), SECONDS)
    assert found, f"{name}: the tests fail"
    return Seen(*found)


def _see(core: Core) -> list[Any] | None:
    files = [str(ROOT / module) for module in core.modules]
    run = coverage.Coverage(data_file=None, branch=True, include=files, config_file=False)
    run.set_option("run:dynamic_context", "test_function")
    run.start()
    passed = run_tests(core.tests)
    run.stop()
    with tempfile.NamedTemporaryFile("r") as report:
        run.json_report(outfile=report.name)
        seen = json.load(report)["files"]
    data = run.get_data()
    foreign = [name for name in list(sys.modules) if name.partition(".")[0] not in OURS]
    lines = {module: data.contexts_by_lineno(str(ROOT / module)) for module in core.modules}
    branches = {
        module: (seen[module]["summary"]["num_branches"], seen[module]["missing_branches"])
        for module in core.modules
    }
    return [foreign, lines, branches] if passed else None


def tests_of(core: Core, contexts: Sequence[str]) -> Sequence[str]:
    """The tests to run; all of a core's for a line that runs on import or in a fixture."""
    if not contexts or "" in contexts:
        return core.tests
    found = []
    for name in contexts:
        module, _, function = name.rpartition(".")
        found.append(f"{module.replace('.', '/')}.py::{function}")
    return found
