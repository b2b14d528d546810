"""A bridge's id is another process's once the bridge is gone: it is not signalled any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.spawner import Forked, Spawner

ENDS_AT_ONCE = ("gunicorn", "--version")


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[Forked]:
    """A bridge that ends at once."""
    with closing(Spawner()) as spawner:
        started = spawner.start(ENDS_AT_ONCE, os.environ, str(tmp_path / "log"))
        yield started


def test_its_end_is_told_once_and_for_all(gone: Forked) -> None:
    assert gone.wait(timeout=60) == 0
    assert gone.poll() == 0


def test_it_gets_no_signal(gone: Forked, monkeypatch: pytest.MonkeyPatch) -> None:
    gone.wait(timeout=60)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("its id is another process's"))
    gone.terminate()
