"""No circles of imports between files, counting imports inside functions and for types only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("app", "providers", "patchbay_conformance")

Graph = Mapping[str, frozenset[str]]
"""A module, and the modules of ours that it imports."""


def modules(root: Path) -> dict[str, Path]:
    """Every module below the folders, by its dotted name. A package is its ``__init__``."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(source: str, known: Mapping[str, object]) -> Iterator[str]:
    """The known modules that a source names in an import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            children = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = children & known.keys()
            yield from submodules
            if submodules != children:
                yield str(node.module)


def graph(root: Path) -> Graph:
    known = modules(root)
    return {
        name: frozenset(imported(path.read_text(), known)) - {name} for name, path in known.items()
    }


def circles(arrows: Graph) -> list[list[str]]:
    """One path per knot of modules that all reach each other: its shortest way round."""
    found: list[list[str]] = []
    seen: set[str] = set()
    for name in sorted(arrows):
        if name not in seen and (way := _way_round(name, arrows)):
            seen |= {each for each in _reached(name, arrows) if name in _reached(each, arrows)}
            found.append(way)
    return found


def _reached(start: str, arrows: Graph) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        new = arrows[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def _way_round(start: str, arrows: Graph) -> list[str]:
    """The shortest path from a module back to itself; empty when there is none."""
    came_from: dict[str, str] = {}
    waiting = [start]
    for here in waiting:
        for there in sorted(arrows[here] - came_from.keys()):
            came_from[there] = here
            waiting.append(there)
    if start not in came_from:
        return []
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


@pytest.mark.parametrize("root", [ROOT, ROOT / "conformance"], ids=["the product", "the kit"])
def test_no_circles(root: Path) -> None:
    found = [" -> ".join(way) for way in circles(graph(root))]
    assert not found, "circles of imports:\n" + "\n".join(found)


def test_a_lazy_import_and_one_for_types_count(tmp_path: Path) -> None:
    """The reader itself: two files that hide their circle, and a third that is in none."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.second import B\n"
    (tmp_path / "app" / "first.py").write_text(types)
    (tmp_path / "app" / "second.py").write_text("def f():\n    from app import first\n")
    (tmp_path / "app" / "third.py").write_text("import app.first\n")
    assert circles(graph(tmp_path)) == [["app.first", "app.second", "app.first"]]
