"""Directories in TMPDIR: a start removes those of killed processes, and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest

from app import temporary
from app.temporary import Temporary, sweep

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TMPDIR."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _process(made: Any) -> None:
    held = Temporary("test")
    (held.path / "file").write_text("x")
    made.put(held.path)
    signal.pause()


def test_of_a_living_and_a_killed_process(place: Path) -> None:
    fork = multiprocessing.get_context("fork")  # it has this TMPDIR
    made = fork.Queue()
    process = fork.Process(target=_process, args=(made,))
    process.start()
    path = made.get(timeout=PATIENCE)
    assert sweep() == 0
    assert path.is_dir()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert sweep() == 1
    assert list(place.iterdir()) == []


def test_what_is_not_ours_stays(place: Path) -> None:
    outside = place / "outside"
    outside.mkdir()
    (outside / temporary.LOCK).touch()
    (place / "patchbay-link").symlink_to(outside)
    (place / "patchbay-file").touch()
    (place / "patchbay-of-another-program").mkdir()
    being_made = place / "patchbay-metrics-x"
    being_made.mkdir()
    (being_made / f"{temporary.LOCK}.part").touch()  # not locked yet
    before = sorted(place.rglob("*"))
    assert sweep() == 0
    assert sorted(place.rglob("*")) == before


def test_a_block_leaves_nothing(place: Path) -> None:
    with temporary.directory("sound") as path:
        assert path.stat().st_mode & 0o077 == 0
        (path / "file").touch()
        assert sweep() == 0
    assert list(place.iterdir()) == []


def test_without_a_place_the_start_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/does/not/exist")
    assert sweep() == 0
