"""The commands about Studio refuse what cannot work, and say what to change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main as cli
from app.cli import studio as commands
from providers.twilio import studio_lint
from providers.twilio.studio_definition import read
from tests.routes.api import UNKNOWN, Api

pytestmark = pytest.mark.any_store  # the subject: what Studio is told

HOST = "https://bridge.example.com"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def run(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(commands, "services", lambda: api.app.extensions["patchbay"])
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    return lambda *command, **options: CliRunner().invoke(cli.main, command, **options)


@pytest.mark.database
def test_a_flow_for_an_assistant_that_exists(api: Api, run: Callable[..., Result]) -> None:
    assistant = api.made("/assistant", {"name": "Reception"})["id"]
    told = ("--assistant-id", assistant.upper(), "--url", HOST, "--transfer-to", "+14155550188")
    outcome = run("studio-flow", *told)
    assert outcome.exit_code == 0, outcome.output
    printed = json.loads(outcome.stdout)
    assert studio_lint.check(read(printed), HOST) == []
    assert assistant in outcome.stdout
    assert "+14155550188" in outcome.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"--url": "http://localhost:8000"}, "Twilio cannot call http://localhost:8000"),
        ({"--url": "https://127.0.0.1"}, "Twilio cannot call"),
        ({"--url": "http://bridge.example.com"}, "Twilio cannot call"),
        ({"--url": "bridge.example.com"}, "Twilio cannot call"),
        ({"--url": "https://[bridge"}, "Twilio cannot call"),
        ({"--url": f"{HOST}?a=b"}, "Twilio cannot call"),
        ({"--assistant-id": UNKNOWN}, f"there is no assistant {UNKNOWN}"),
        ({"--assistant-id": "Reception"}, "there is no assistant Reception"),
        ({}, "a flow needs an assistant"),
        ({"--transfer-to": "555-1234"}, "--transfer-to must be E.164"),
    ],
)
def test_what_cannot_work_is_not_printed(
    run: Callable[..., Result], options: dict[str, str], says: str
) -> None:
    pairs = [each for pair in {"--url": HOST, **options}.items() for each in pair]
    outcome = run("studio-flow", *pairs)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert says in outcome.stderr


def test_lint_prints_findings_and_exits_with_them(run: Callable[..., Result]) -> None:
    flow = json.loads((DOCS / "studio-flow.json").read_text())
    broken = json.dumps(flow)
    outcome = run("studio-lint", "-", input=broken)
    assert outcome.exit_code == 1
    assert outcome.stdout.startswith("assistant: assistantId=ASSISTANT_ID is not the id")
    sound = broken.replace("ASSISTANT_ID", UNKNOWN)
    outcome = run("studio-lint", "-", input=sound)
    assert (outcome.exit_code, outcome.stdout.strip()[-18:]) == (0, "(1 widget of ours)")
    outcome = run("studio-lint", "--url", "https://a.example", "-", input=sound)
    assert (outcome.exit_code, "[other-host]" in outcome.stdout) == (1, True)


@pytest.mark.parametrize(
    ("public_url", "status"),
    [("http://localhost:8000", 0), (HOST, 0), ("https://a.example", 1)],
)
def test_lint_compares_with_the_public_url_that_a_flow_can_have(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, public_url: str, status: int
) -> None:
    monkeypatch.setenv("PUBLIC_URL", public_url)
    flow = (DOCS / "studio-flow.json").read_text().replace("ASSISTANT_ID", UNKNOWN)
    assert run("studio-lint", "-", input=flow).exit_code == status


def test_lint_takes_only_a_url_that_a_flow_can_have(run: Callable[..., Result]) -> None:
    flow = (DOCS / "studio-flow.json").read_text().replace("ASSISTANT_ID", UNKNOWN)
    outcome = run("studio-lint", "--url", "bridge.example.com", "-", input=flow)
    assert "Twilio cannot call bridge.example.com" in outcome.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[" * 100_000, b"\xff\xfe"])
def test_what_is_not_a_flow_is_two(run: Callable[..., Result], text: Any) -> None:
    outcome = run("studio-lint", "-", input=text)
    assert outcome.exit_code == 2
    assert "is not a Studio flow" in outcome.stderr


def recipe() -> dict[str, Any]:
    """The body of the HTTP Request on the page."""
    section = (DOCS / "twilio.md").read_text().partition("## Studio: HTTP Request")[2]
    found = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert found
    body: dict[str, Any] = json.loads(found[1])
    return body


@pytest.mark.parametrize(
    "number", ["+14155550123", "anonymous", "Restricted", "+266696687", "sip:a@b.example", ""]
)
def test_the_pages_request_takes_callers_without_a_number(api: Api, number: str) -> None:
    body = recipe()
    body["customer"]["number"] = number
    del body["phoneNumberId"], body["assistantId"]  # the fixture's
    assert api.call(**body)["customer"].get("number", "") == number
