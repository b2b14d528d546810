"""Clients' own packages, installed once by their package managers, into pytest's cache.

Where that cannot be done the test says so on the terminal, and passes: no network is no fault of ours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

INSTALL_SECONDS = 120


class Unreachable(Exception):
    """A package manager is missing, or did not get the package."""


def installed(cache: pytest.Cache, name: str, command: Sequence[str]) -> Path:
    """The directory the command has filled, now or in an earlier run. Raises ``Unreachable``.

    ``DIRECTORY`` in the command stands for it. It is moved into place when it is whole.
    """
    place = Path(cache.mkdir("sdk")) / name
    if place.exists():
        return place
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        filled = Path(temporary) / name
        filled.mkdir()
        words = [word.replace("DIRECTORY", str(filled)) for word in command]
        try:
            subprocess.run(words, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            raise Unreachable(f"{error}\n{said.decode(errors='replace')[-500:]}") from error
        try:
            filled.rename(place)
        except OSError:
            assert place.exists()  # another process was faster
    return place


def npm_installed(cache: pytest.Cache, name: str, package: str) -> Path:
    """The directory with ``node_modules``. Raises ``Unreachable``."""
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    command += ["--no-save", "--prefix", "DIRECTORY", package]
    if shutil.which("node") is None:
        raise Unreachable("there is no node on the path")
    return installed(cache, name, command)


def said_loudly(capfd: pytest.CaptureFixture[str], what: str, error: Unreachable) -> None:
    with capfd.disabled():
        print(f"\n*** NOT RUN: {what} could not be installed: {error}", file=sys.stderr, flush=True)
