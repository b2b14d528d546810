"""The table of docs/reliability.md: its figures have rows, and its commands exist."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path

import pytest

from bench import reliability
from docs.reliability import FIGURES, ROWS, Figure, page


def test_every_figure_belongs_to_a_row() -> None:
    figures = json.loads(FIGURES.read_text())
    assert set(figures) <= set(ROWS)
    for each in figures.values():
        assert Figure(**each).seen


def test_a_recorded_figure_stands_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "figures.json"
    monkeypatch.setattr(reliability, "FIGURES", kept)
    monkeypatch.setattr("docs.reliability.FIGURES", kept)
    monkeypatch.setattr(sys, "argv", ["bench/crash.py", "--times", "2", "--record"])
    assert reliability.conclude("crash", "900 kills, 1 stuck", reached=False, keep=True) == 1
    (line,) = [each for each in page().splitlines() if "900 kills" in each]
    assert "✗ 900 kills, 1 stuck" in line
    assert "--times 2`" in line
    with pytest.raises(KeyError):
        reliability.record("none", "seen", reached=True)
    assert reliability.conclude("none", "seen", reached=True, keep=False) == 0


@pytest.mark.parametrize("key", ROWS)
def test_the_command_of_a_row_exists(key: str) -> None:
    python, option, module, *_ = shlex.split(ROWS[key].command)
    assert (python, option) == ("python", "-m")
    assert importlib.util.find_spec(module)
