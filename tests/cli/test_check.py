"""``patchbay check``: of a file without anything else, and of a stored assistant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main as cli
from app.store.engine import Store
from tests.routes.api import Api

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command in an empty directory, without a database."""
    monkeypatch.chdir(tmp_path)
    for name in ("SECRET_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def invoke(content: Any, **environ: str) -> Result:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        Path("assistant.json").write_text(json.dumps(content))
        return CliRunner().invoke(cli.main, ["check", "assistant.json"])

    return invoke


def test_a_menu_works_everywhere(run: Run) -> None:
    outcome = run({"name": "x", "firstMesage": "y", "serverUrl": "https://a.example"})
    assert outcome.exit_code == 0
    assert outcome.output.splitlines() == [
        "served   name",
        "ignored  firstMesage: no such field: is `firstMessage` meant?",
        "mapped   serverUrl: the older spelling, served too",
    ]
    assert [path.name for path in Path().iterdir()] == ["assistant.json"]  # no key, no database


def test_a_call_that_would_fail_is_exit_status_1(run: Run) -> None:
    body = {"model": {"provider": "openai"}, "transcriber": {"provider": "embedded"}}
    outcome = run(body)
    assert outcome.exit_code == 1
    assert "refused  model: openai has no key: set OPENAI_API_KEY" in outcome.output
    assert run(body, OPENAI_API_KEY="key").exit_code == 0


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"maxDurationSeconds": 1}, "refused  maxDurationSeconds must not be less than 10"),
        ({"server": {"url": "https://10.0.0.1/"}}, "refused  server.url: "),
        ({"voice": {"provider": "nobody"}}, "refused  voice.provider: must be one of"),
        (
            {"assistant": {}, "assistantOverrides": {"observabilityPlan": {}}},
            "ignored  observabilityPlan: ",
        ),
    ],
)
def test_what_the_api_would_say(run: Run, body: dict[str, Any], told: str) -> None:
    outcome = run(body)
    assert told in outcome.output
    assert outcome.exit_code == ("refused" in told)


@pytest.mark.parametrize("body", [[], 7, {"assistant": []}])
def test_no_assistant_is_a_sentence(run: Run, body: Any) -> None:
    outcome = run(body)
    assert outcome.exit_code == 1
    assert outcome.output.startswith("Error: assistant.json ")


def test_a_file_that_is_not_there_is_named() -> None:
    outcome = CliRunner().invoke(cli.main, ["check", "nothing.json"])
    assert outcome.exit_code == 1
    assert outcome.output == "Error: nothing.json cannot be read: No such file or directory\n"


def test_a_stored_one(api: Api, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_services", lambda: api.app.extensions["patchbay"])
    made = api.made("/assistant", {"name": "x", "observabilityPlan": {}})
    outcome = CliRunner().invoke(cli.main, ["check", "--assistant-id", made["id"]])
    assert outcome.exit_code == 0
    assert outcome.output.splitlines()[0] == "served   name"
    outcome = CliRunner().invoke(cli.main, ["check", "--assistant-id", "nobody"])
    assert (outcome.exit_code, outcome.output) == (1, "Error: there is no assistant nobody\n")
    both = CliRunner().invoke(cli.main, ["check", "x.json", "--assistant-id", made["id"]])
    assert "either a FILE or --assistant-id" in both.output
