"""``make image``: builds the container image, runs compose.yml, and asks what runs there.

Exits 1 for a failure, and 2 where there is no container engine.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import urllib3

ROOT = Path(__file__).parents[1]
MOST_MB = 600
"""Limit of the image."""
READY_SECONDS = 180.0
PROJECT = "patchbay-image-test"
NO_ENGINE = """\
************************************************************
NO CONTAINER ENGINE: the image was neither built nor run. Run
this where `docker info` and `docker compose version` work.
************************************************************"""


def main() -> int:
    if not has_engine():
        print(NO_ENGINE)
        return 2
    with running() as url:
        problems = [*judge(_inspected()), *_asked(url)]
    for problem in problems:
        print(f"ERROR  {problem}")
    print(f"image: {len(problems)} problems")
    return 1 if problems else 0


def has_engine() -> bool:
    """Whether images can be built and composed here."""
    if shutil.which("docker") is None:
        return False
    commands = (["docker", "info"], ["docker", "compose", "version"])
    return all(_run(each, quiet=True).returncode == 0 for each in commands)


def judge(image: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with an image, from ``docker image inspect``."""
    config = image["Config"]
    assert isinstance(config, Mapping)
    megabytes = int(str(image["Size"])) / 1e6
    print(f"image: {megabytes:.0f} MB")
    if megabytes >= MOST_MB:
        yield f"it has {megabytes:.0f} MB, which is not below {MOST_MB}"
    if str(config.get("User") or "0").partition(":")[0] in {"0", "root"}:
        yield "it runs as root"
    if not config.get("Healthcheck"):
        yield "it has no health check"


@contextmanager
def running() -> Iterator[str]:
    """The services of compose.yml, healthy, with a database of their own. Gone afterwards."""
    port = os.environ.get("PATCHBAY_PORT", "18000")
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(
            ROOT, f"{directory}/patchbay", ignore=shutil.ignore_patterns(".venv*", "var", ".git")
        )
        place = Path(directory, "patchbay")
        names = ("SECRET_KEY", "API_KEY", "POSTGRES_PASSWORD")
        lines = [f"{name}={secrets.token_hex(24)}" for name in names]
        lines += ["PUBLIC_URL=https://bridge.example.com", f"PATCHBAY_PORT={port}"]
        (place / ".env").write_text("\n".join(lines) + "\n")
        try:
            _compose(place, "up", "--build", "--wait", "--wait-timeout", str(int(READY_SECONDS)))
            yield f"http://127.0.0.1:{port}"
        finally:
            _compose(place, "logs", "--tail", "30")
            _compose(place, "down", "--volumes", "--timeout", "30")


def _asked(url: str) -> Iterator[str]:
    until = time.monotonic() + READY_SECONDS
    while _status(f"{url}/readyz") != 200 and time.monotonic() < until:
        time.sleep(1.0)
    for path in ("/healthz", "/readyz", "/docs"):
        if (status := _status(url + path)) != 200:
            yield f"{path} answers {status}"
    if _status(f"{url}/call") != 401:
        yield "/call lets in a request without a key"


def _status(url: str) -> int | None:
    try:
        return int(urllib3.request("GET", url, timeout=5.0, retries=False).status)
    except urllib3.exceptions.HTTPError:
        return None


def _inspected() -> Mapping[str, object]:
    done = _run(["docker", "image", "inspect", f"{PROJECT}-patchbay"], quiet=True)
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found[0]


def _compose(place: Path, *arguments: str) -> None:
    command = ["docker", "compose", "--project-name", PROJECT, *arguments]
    done = subprocess.run(command, cwd=place, check=False)
    if done.returncode and arguments[0] == "up":
        raise SystemExit("ERROR  the services do not become healthy")


def _run(command: Sequence[str], *, quiet: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=quiet, text=True)


if __name__ == "__main__":
    sys.exit(main())
