"""An installed distribution with entry points, as an installer leaves it in a directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(
    directory: Path,
    name: str,
    points: Mapping[str, Mapping[str, str]],
    files: Mapping[str, str],
    version: str = "1.0",
) -> None:
    """``points``: group -> name -> object reference. https://packaging.python.org/en/latest/specifications/entry-points/"""
    info = directory / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    sections = [
        "\n".join([f"[{group}]", *(f"{each} = {where}" for each, where in entries.items())])
        for group, entries in points.items()
    ]
    (info / "entry_points.txt").write_text("\n\n".join(sections) + "\n")
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
