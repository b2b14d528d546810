"""``install.py`` says how far pip is, and ends as pip does. ``make setup`` installs what runs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()

PIP = """
import sys
for number in range(6):
    print(f"Collecting name{number}==1 (from -r file)")
    print("Requirement already satisfied: name0 in somewhere")
print("Processing /some/where/name_6-1.0-py3-none-any.whl (from -r file)")
print("Ignoring name7: markers do not match")
print("Installing collected packages: all")
print("a last word")
sys.exit(STATUS)
"""


def installed(tmp_path: Path, status: int) -> subprocess.CompletedProcess[str]:
    """What is printed with a pip that finds eight packages."""
    (tmp_path / "pip.py").write_text(PIP.replace("STATUS", str(status)))
    file = tmp_path / "file.txt"
    file.write_text("".join(f"name{each}==1 \\\n    --hash=sha256:0\n" for each in range(8)))
    return subprocess.run(
        [sys.executable, ROOT / "install.py", "--require-hashes", "-r", file],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_quarter_is_a_line(tmp_path: Path) -> None:
    ran = installed(tmp_path, 0)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [re.findall(r"\d+", line)[:2] for line in ran.stdout.splitlines()[:4]] == [
        ["2", "8"],
        ["4", "8"],
        ["6", "8"],
        ["8", "8"],
    ]
    assert len(ran.stdout.splitlines()) == 5


def test_a_failure_is_pips_own(tmp_path: Path) -> None:
    ran = installed(tmp_path, 3)
    assert ran.returncode == 3
    assert ran.stderr.endswith("a last word\n")


def rule(target: str) -> str:
    """A target of the Makefile, with its prerequisites and recipe."""
    found = re.search(rf"^{re.escape(target)}:.*\n(?:\t.*\n)*", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[0]


def test_setup_has_no_development_packages_and_test_has() -> None:
    setup = rule("$(READY)")
    assert "-r requirements.txt" in setup
    assert "-r requirements-dev.txt" not in setup
    for target in ("demo", "run"):
        assert "$(READY)" in rule(target)
    for target in ("test", "bench", "docs"):
        assert "$(DEV)" in rule(target)
    assert "--require-hashes -r requirements-dev.txt" in rule("$(DEV)")
    assert "$(LOCAL)" in rule("local")
    assert "--require-hashes -r requirements-local.txt" in rule("$(LOCAL)")


def test_the_local_lock_has_the_extras_and_the_bridges_own_versions() -> None:
    """It is installed over the other one, and must not change what the bridge runs on."""
    locks = {
        name: dict(re.findall(r"^([\w.-]+)==(\S+)(?: ; [^\n]*)? \\$", text, re.MULTILINE))
        for name in ("requirements.txt", "requirements-local.txt")
        for text in [(ROOT / name).read_text()]
    }
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for each in (*extras["local"], *extras["local-models"]):
        assert re.split(r"[^\w.-]", each)[0] in locks["requirements-local.txt"]
    assert locks["requirements.txt"].items() <= locks["requirements-local.txt"].items()


@pytest.mark.parametrize("room", ["app", "providers"])
def test_what_runs_imports_no_development_package(room: str) -> None:
    locked = {
        match[1].lower().replace("_", "-")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if (match := re.match(r"([\w.-]+)==", line))
    }
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for name, packages in extras.items():
        if name != "dev":  # what an operator may add, and a setting then imports
            named = (re.split(r"[^\w.-]", each)[0].lower() for each in packages)
            locked |= {each.replace("_", "-") for each in named}
    owners = packages_distributions()
    for path in (ROOT / room).rglob("*.py"):
        if "testing" in path.parts or path.name == "testing.py":
            continue  # for the tests of others
        for name in imported(path):
            found = {each.lower().replace("_", "-") for each in owners.get(name, ())}
            assert not found or found & locked, f"{path.relative_to(ROOT)} imports {name}"


def imported(path: Path) -> set[str]:
    """The first part of every module that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names - {"app", "providers", "patchbay"}
