"""The examples on the pages are run: requests against a bridge, and what else can be is read."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import urllib3

from app.cli import main as cli
from tests.bridge import KEY, Bridge
from tests.conftest import fresh_database
from tests.fakes.carriers.accounts import ACCOUNT, TWILIO_NUMBER
from tests.test_docs import PAGES, blocks, commands

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
LOCAL = "http://localhost:8000"
"""The bridge of the examples."""
WRITTEN_ACCOUNT = "AC00000000000000000000000000000000"
WRITTEN_NUMBER = "+15550100001"

COMMAND = r"^(?:\.venv/bin/)?patchbay (\S+(?: [a-z]+)?)"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


class Request(NamedTuple):
    """One command of curl."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | None


def requests(script: str) -> Iterator[Request]:
    """The requests of a script, in order."""
    for part in re.split(r"^(?=curl )", script.replace("\\\n", " "), flags=re.MULTILINE):
        if part.startswith("curl "):
            yield _request(shlex.split(part.partition(" > ")[0], comments=True))


def _request(words: list[str]) -> Request:
    method, url, headers, body = "GET", "", dict[str, str](), None
    rest = iter(words)
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(":")
            headers[name] = value.strip()
        elif word in {"-d", "--data"}:
            method, body = "POST", next(rest)
        elif word == "-X":
            method = next(rest)
        elif word.startswith(LOCAL):
            url = word
    return Request(method, url, headers, body)


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    directory = tmp_path
    vendors = {f"{name}_API_KEY": "k" for name in ("OPENAI", "DEEPGRAM", "ELEVENLABS")}
    with fresh_database(directory) as url, Bridge(url, directory, **vendors) as running:
        yield running


def here(text: str, bridge: Bridge) -> str:
    """The example's text, about the bridge of this test."""
    found = text.replace(LOCAL, bridge.url).replace("$API_KEY", KEY)
    return found.replace(WRITTEN_ACCOUNT, ACCOUNT).replace(WRITTEN_NUMBER, TWILIO_NUMBER)


CURLS = [
    request
    for page in PAGES
    for block in blocks(page.read_text(), "sh")
    if "curl" in block
    for request in requests(block)
    if request.url  # of a host of this test
]


def test_the_requests_and_the_program_run(
    bridge: Bridge,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """One test, because a bridge takes seconds to start."""
    assert len(CURLS) >= 2
    for request in CURLS:
        _send(request, bridge, tmp_path)
    (source,) = blocks(README, "python")
    monkeypatch.setenv("API_KEY", KEY)
    exec(compile(here(source, bridge), "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(" queued")
    assert "<Response>" in said[1]


def _send(request: Request, bridge: Bridge, directory: Path) -> None:
    """The README's next line reads what a new call's POST answers."""
    answer = urllib3.request(
        request.method,
        here(request.url, bridge),
        headers={name: here(value, bridge) for name, value in request.headers.items()},
        body=here(request.body, bridge) if request.body else None,
    )
    assert answer.status in {200, 201}, answer.data
    if request.method == "POST" and request.url.endswith("/call"):
        (directory / "call.json").write_bytes(answer.data)
        assert _shown(directory).startswith("<?xml")


def _shown(directory: Path) -> str:
    """What the README's line for those without jq prints."""
    line = next(line for line in README.splitlines() if line.startswith("python3 -c"))
    _, option, source = shlex.split(line, comments=True)
    command = [sys.executable, option, source]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout


# ------------------------------------------------------------------ what is read only


@each_page
def test_a_shell_example_is_one(page: Path) -> None:
    script = "\n".join(blocks(page.read_text(), "sh"))
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@each_page
def test_the_commands_of_shell_examples_exist(page: Path) -> None:
    ours, targets = set(commands(cli.main)), set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    for block in blocks(page.read_text(), "sh"):
        for name in re.findall(r"^make ([a-z]+)", block, re.MULTILINE):
            assert name in targets, name
        for words in re.findall(COMMAND, block, re.MULTILINE):
            assert words.rstrip() in ours or words.split()[0] in ours, words


def test_exported_variables_of_examples_are_settings() -> None:
    documented = (ROOT / "docs/settings.md").read_text()
    for page in PAGES:
        for block in blocks(page.read_text(), "sh"):
            for line in re.findall(r"^(?:export|heroku config:set) (.*)$", block, re.MULTILINE):
                for name in re.findall(r"\b([A-Z][A-Z_]+)=", line.partition("#")[0]):
                    assert (
                        f"`{name}`" in documented
                        or name in os.environ
                        or name == "MALLOC_ARENA_MAX"
                    )
