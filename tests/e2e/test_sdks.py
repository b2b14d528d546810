"""Vapi's official SDKs, unmodified, against a whole bridge: ``tests/sdk`` holds a program for each.

The Python SDK of the lock file runs always. The newer one (beside our locked
packages) and the TypeScript one are installed once (``tests/sdk/packages.py``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.bridge import KEY, Bridge
from tests.sdk.packages import Unreachable, installed, npm_installed, said_loudly

PROGRAMS = Path(__file__).parents[1] / "sdk"
NEWER = "vapi_server_sdk>=3.0,<4"
TYPESCRIPT = "@vapi-ai/server-sdk@2"
RUN_SECONDS = 150
"""The newer Python SDK alone takes 20 s of processor time to be imported."""

pytestmark = pytest.mark.timeout(300)

RESOURCES = ("assistants", "calls", "phonenumbers", "squads", "tools")
VERBS = ("create", "delete", "get", "list", "update")
PAGED = "phonenumbers.phonenumbercontrollerfindallpaginated"
WHOLE = sorted(
    ["analytics.get", PAGED, *(f"{resource}.{verb}" for resource in RESOURCES for verb in VERBS)]
)
"""What each program must have used; what the SDKs have beyond is in docs/compatibility.md."""


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
    assert pytestconfig.cache
    try:
        place = npm_installed(pytestconfig.cache, "typescript", TYPESCRIPT)
    except Unreachable as error:
        return said_loudly(capfd, TYPESCRIPT, error)
    package = place / "node_modules" / "@vapi-ai" / "server-sdk"
    program = str(PROGRAMS / "whole.mjs")
    assert used(["node", program, str(package), bridge.url, KEY]) == WHOLE
    return None
