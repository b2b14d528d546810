"""``make audit``: are there known vulnerabilities of the packages that are installed?

pip-audit says "No known vulnerabilities found" though it skips every package, where it reaches no
advisories. So this command counts. Each locked package must be judged. A package that is known to
be vulnerable must be found so. Needs nothing but pip-audit.
Exits 1 for a vulnerability or a skipped package, and 2 where there is no advisory data.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKED = ("requirements.txt", "requirements-dev.txt", "requirements-local.txt")
GUILTY = "flask==0.12"
"""Has several advisories, such as CVE-2018-1000656."""

NO_DATA = """\
************************************************************
NO ADVISORY DATA: nothing was audited, so nothing is known to
be safe. Run this where the advisory database is reachable.
************************************************************"""

Report = Sequence[Mapping[str, Any]]


def names(text: str) -> set[str]:
    """The packages of a locked file whose markers hold here are among these, in normal form."""
    return {_normal(each) for each in re.findall(r"^([A-Za-z0-9][\w.-]*)==", text, re.MULTILINE)}


def judge(locked: Iterable[str], report: Report, guilty: Report) -> tuple[int, list[str]]:
    """The exit status, and what to print. Markers may leave out a locked package, but no other."""
    judged = [each for each in report if "skip_reason" not in each]
    known = any(each.get("vulns") for each in guilty)
    if not judged or not known:
        return 2, [NO_DATA]
    wrong = [
        f"{each['name']} was skipped: {each['skip_reason']}"
        for each in report
        if each not in judged
    ]
    for each in judged:
        wrong += [f"{each['name']} {each['version']}: {found['id']}" for found in each["vulns"]]
    strangers = {_normal(each["name"]) for each in report} - set(locked)
    wrong += [f"{name} was judged, but is not locked" for name in sorted(strangers)]
    return (1 if wrong else 0), [*wrong, f"{len(judged)} packages judged, {len(wrong)} problems"]


def audit(path: str, *more: str) -> Report:
    """What pip-audit reports of a file; empty where it fails."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json", *more]
    done = subprocess.run([*command, "-r", path], capture_output=True, text=True, check=False)
    try:
        report: Report = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(done.stderr[-2000:])
        return []
    return report


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(GUILTY)
        file.flush()
        guilty = audit(file.name, "--no-deps")
    status = 0
    for name in LOCKED:
        report = audit(str(ROOT / name), "--require-hashes")
        found, lines = judge(names((ROOT / name).read_text()), report, guilty)
        print(f"== {name}", *lines, sep="\n", flush=True)
        status = max(status, found)
    return status


if __name__ == "__main__":
    sys.exit(main())
