"""The kit against a whole bridge that it starts, kills and stops itself: every row holds."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from patchbay_conformance.reasons import UNREACHABLE
from patchbay_conformance.rows import ROWS
from tests.bridge import KEY, Bridge

ROOT = Path(__file__).parents[2]
SERVE = "gunicorn -k app.server.worker.Worker --no-control-socket app.server.asgi:application"
ENVIRON = {
    "BYPASS_TTL_SECONDS": "25",
    "JOIN_TIMEOUT_SECONDS": "8",
    "SETTLE_SECONDS": "5",  # a busy machine takes its time between two events
    "RECONCILE_SECONDS": "600",  # no watchdog asks a carrier that is not there
}
TALKING = {
    "transport": {"provider": "local"},
    "voice": {"provider": "embedded"},
    "transcriber": {"provider": "embedded"},
}
ACCOUNTS = ("TWILIO_", "VONAGE_")
"""The bridge has no account of its own: the kit registers two."""


@pytest.mark.any_store  # tests/e2e/test_killed.py kills on both
def test_every_row_holds(database_url: str, tmp_path: Path) -> None:
    bridge = Bridge(database_url, tmp_path, **ENVIRON)
    environ = {k: v for k, v in bridge.environ.items() if not k.startswith(ACCOUNTS)}
    paths = [str(ROOT / "conformance"), os.environ.get("PYTHONPATH", "")]
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    python, found, junit = shlex.quote(sys.executable), tmp_path / "found.json", tmp_path / "junit"
    options = {
        "--url": bridge.url,
        "--key": KEY,
        "--start": f"{python} -m {SERVE} -b 127.0.0.1:{bridge.port}",
        "--start-log": str(bridge.log),
        "--ready-path": "/readyz",
        "--talking-assistant": json.dumps(TALKING),
        "--patience": "60",
        "--join-seconds": "8",
        "--bypass-seconds": "25",
        "--json": str(found),
        "--junit": str(junit),
    }
    command = [
        sys.executable,
        "-m",
        "patchbay_conformance",
        *(w for o in options.items() for w in o),
    ]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr + bridge.log.read_text()[-3000:]
    rows = json.loads(found.read_text())["rows"]
    assert [row["id"] for row in rows] == [row.id for row in ROWS]
    not_asked = {row["id"] for row in rows if row["outcome"] != "passed"}
    assert not_asked == {f"ended.{name}" for name in UNREACHABLE}
    suite = ElementTree.parse(junit).getroot()
    assert suite.get("failures") == "0"
    assert suite.get("tests") == str(len(ROWS))
