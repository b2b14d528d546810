"""The wheels: every file of ``app`` and ``providers``, and of nothing else; the conformance kit's alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("app", "providers")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """Built of a copy, so that nothing is left in the tree."""
    source, made = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    beside = source / "appendix"  # begins like a folder of ours
    beside.mkdir()
    (beside / "__init__.py").touch()
    command = [sys.executable, "-c", BUILD, str(made)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    with ZipFile(next(made.glob("*.whl"))) as built:
        yield built


def test_it_holds_every_file(wheel: ZipFile) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == ours
    assert {"app/templates/docs.html", "app/domain/costs/prices.json", "app/py.typed"} <= held


def test_the_conformance_kit_is_a_wheel_of_its_own(tmp_path: Path) -> None:
    """Built without the network and without anything of ours beside it."""
    kit = shutil.copytree(
        ROOT / "conformance", tmp_path / "kit", ignore=shutil.ignore_patterns("__pycache__")
    )
    made = tmp_path / "made"
    made.mkdir()
    subprocess.run(
        [sys.executable, "-c", BUILD, str(made)], cwd=kit, check=True, capture_output=True
    )
    with ZipFile(next(made.glob("patchbay_conformance-*.whl"))) as built:
        held = {name for name in built.namelist() if ".dist-info/" not in name}
        metadata = next(name for name in built.namelist() if name.endswith("/METADATA"))
        needs = re.findall(r"^Requires-Dist: (\S+)", built.read(metadata).decode(), re.MULTILINE)
    package = ROOT / "conformance" / "patchbay_conformance"
    files = (path for path in package.rglob("*") if path.is_file())
    ours = {str(p.relative_to(package.parent)) for p in files if "__pycache__" not in p.parts}
    assert held == ours
    assert needs == ["websockets>=14"]
