"""What GitHub runs: the README's test command, on the versions of Python that are promised.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / ".github/workflows/test.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOB: dict[str, Any] = WORKFLOW["jobs"]["test"]
VERSIONS: list[str] = JOB["strategy"]["matrix"]["python"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

ON = True
"""YAML 1.1 takes the key ``on`` for this."""


def step(name: str) -> dict[str, Any]:
    """The step that runs or uses this."""
    (found,) = (
        each
        for each in JOB["steps"]
        if name in (each.get("run"), each.get("uses", "").split("@")[0])
    )
    return dict(found)


def test_it_runs_for_every_change() -> None:
    assert WORKFLOW[ON] == {"push": {"branches": ["main"]}, "pull_request": None}


def test_the_oldest_version_is_the_one_that_is_promised() -> None:
    oldest = min(VERSIONS, key=lambda version: [int(part) for part in version.split(".")])
    assert PROJECT["requires-python"] == f">={oldest}"
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text()
    assert (ROOT / ".python-version").read_text().strip() == oldest


def test_every_version_is_a_text_and_allowed() -> None:
    """3.10 without quotes is the number 3.1."""
    for version in VERSIONS:
        assert isinstance(version, str)
        assert version in SpecifierSet(PROJECT["requires-python"])
    assert VERSIONS == ["3.11", "3.13"]


def test_what_runs_is_the_readmes_command() -> None:
    run = ROOT / step(".ci/run")["run"]
    assert os.access(run, os.X_OK)
    assert "make test" in run.read_text()
    assert "make test" in (ROOT / "README.md").read_text()


def test_make_takes_the_python_that_was_set_up() -> None:
    assert step("actions/setup-python")["with"]["python-version"] == "${{ matrix.python }}"
    assert step(".ci/run")["env"] == {"PYTHON": "python"}
    assert re.search(r"^PYTHON \?= ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_cache_is_that_of_what_is_installed() -> None:
    path = step("actions/setup-python")["with"]["cache-dependency-path"]
    assert (ROOT / path).is_file()
    assert f"--require-hashes -r {path}" in (ROOT / "Makefile").read_text()


def test_it_may_only_read_and_ends() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in JOB
    assert JOB["timeout-minutes"] <= 60
    assert WORKFLOW["concurrency"]["group"].endswith("${{ github.ref }}")
    assert step("actions/checkout")["with"]["persist-credentials"] is False


def test_it_names_no_host_and_no_secret() -> None:
    assert "://" not in TEXT
    assert "secrets." not in TEXT


@pytest.mark.parametrize("version", VERSIONS)
def test_a_module_python_dropped_comes_from_a_package(version: str) -> None:
    """``audioop`` left in 3.13. https://peps.python.org/pep-0594/"""
    (package,) = (each for each in requirements("dependencies") if each.name == "audioop-lts")
    assert package.marker
    assert package.marker.evaluate({"python_version": version}) == (version == "3.13")
    assert package.marker.evaluate() == ("audioop" not in sys.stdlib_module_names)


def requirements(group: str) -> list[Requirement]:
    found = PROJECT[group] if group in PROJECT else PROJECT["optional-dependencies"][group]
    return [Requirement(text) for text in found]


@pytest.mark.parametrize(("version", "has"), [("3.11", True), ("3.12", True), ("3.13", False)])
def test_pgserver_is_asked_for_where_it_exists(version: str, has: bool) -> None:
    """Without it the suite takes the system's PostgreSQL. https://github.com/orm011/pgserver/issues/7"""
    (package,) = (each for each in requirements("dev") if each.name == "pgserver")
    assert (package.marker is None or package.marker.evaluate({"python_version": version})) is has
