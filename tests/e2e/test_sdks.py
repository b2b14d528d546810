"""Vapi's official SDKs, unmodified, against a whole bridge: ``tests/sdk`` holds a program for each.

The Python SDK of the lock file runs always. The newer one (beside our locked
packages) and the TypeScript one are installed once by the package managers, into pytest's cache; where that cannot be done the test says so on
the terminal, and passes: no network is no fault of ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.bridge import KEY, Bridge

PROGRAMS = Path(__file__).parents[1] / "sdk"
NEWER = "vapi_server_sdk>=3.0,<4"
TYPESCRIPT = "@vapi-ai/server-sdk@2"
INSTALL_SECONDS = 120
RUN_SECONDS = 150
"""The newer Python SDK alone takes 20 s of processor time to be imported."""

pytestmark = pytest.mark.timeout(300)

RESOURCES = ("assistants", "calls", "phonenumbers", "squads")
VERBS = ("create", "delete", "get", "list", "update")
PAGED = "phonenumbers.phonenumbercontrollerfindallpaginated"
WHOLE = sorted([PAGED, *(f"{resource}.{verb}" for resource in RESOURCES for verb in VERBS)])
"""What each program must have used; what the SDKs have beyond is in docs/compatibility.md."""


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


def said_loudly(capfd: pytest.CaptureFixture[str], what: str, error: Unreachable) -> None:
    with capfd.disabled():
        print(f"\n*** NOT RUN: {what} could not be installed: {error}", file=sys.stderr, flush=True)


def used(command: Sequence[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """What the program says it has used."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return sorted(line.replace("_", "").lower() for line in done.stdout.split())


def python(bridge: Bridge) -> list[str]:
    return [sys.executable, str(PROGRAMS / "whole.py"), bridge.url, KEY]


def test_the_python_sdk(bridge: Bridge) -> None:
    assert used(python(bridge)) == WHOLE


def test_the_newer_python_sdk(
    bridge: Bridge, pytestconfig: pytest.Config, capfd: pytest.CaptureFixture[str]
) -> None:
    # What it needs is locked here already; compiling all of it takes longer than what is imported.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--target", "DIRECTORY", NEWER]
    assert pytestconfig.cache
    try:
        place = installed(pytestconfig.cache, "python-3", command)
    except Unreachable as error:
        return said_loudly(capfd, NEWER, error)
    version = [path.name for path in place.glob("vapi_server_sdk-*.dist-info")]
    assert version[0].startswith("vapi_server_sdk-3.")
    assert used(python(bridge), {"PYTHONPATH": str(place)}) == WHOLE
    return None


def test_the_typescript_sdk(
    bridge: Bridge, pytestconfig: pytest.Config, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    command += ["--no-save", "--prefix", "DIRECTORY", TYPESCRIPT]
    assert pytestconfig.cache
    try:
        if shutil.which("node") is None:
            raise Unreachable("there is no node on the path")
        place = installed(pytestconfig.cache, "typescript", command)
    except Unreachable as error:
        return said_loudly(capfd, TYPESCRIPT, error)
    package = place / "node_modules" / "@vapi-ai" / "server-sdk"
    program = str(PROGRAMS / "whole.mjs")
    assert used(["node", program, str(package), bridge.url, KEY]) == WHOLE
    return None
