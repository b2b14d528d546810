"""The assistant of a scenario, with stand-ins in the place of its vendors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.scenarios import assistant
from app.cli.scenarios.api import Api, ApiFailed
from app.cli.scenarios.loading import load
from tests.cli.scenarios.files import written

BASE = "http://localhost:9/call"
NOWHERE = Api("http://localhost:9", "key")
TOOL = {"type": "function", "function": {"name": "book"}, "server": {"url": "https://x.example"}}
OTHER = {"type": "function", "function": {"name": "other"}, "server": {"url": "https://y.example"}}


def made(tmp_path: Path, own: dict[str, Any], **words: Any) -> dict[str, Any]:
    file = {
        "name": "a",
        "scenarios": [
            {"name": "b", "carrier": "twilio", "assistant": own, "turns": [{"user": "Hi"}], **words}
        ],
    }
    (loaded,) = load([str(written(tmp_path, json.dumps(file)))])
    return assistant.body(loaded, NOWHERE, BASE)


def test_the_vendors_are_stand_ins_and_the_rest_stays(tmp_path: Path) -> None:
    model = {"provider": "openai", "fallbackModels": ["x"], "temperature": 0.1}
    own = {
        "id": "as-1",
        "name": "Desk",
        "serverMessages": ["hang"],
        "model": {**model, "tools": [TOOL, OTHER]},
    }
    found = made(tmp_path, own, tools={"book": "done"}, overrides={"name": "Other"})
    assert found == {
        "name": "Other",
        "server": {"url": f"{BASE}/server"},
        "serverMessages": ["hang", "end-of-call-report", "tool-calls"],
        "model": {
            "provider": "custom-llm",
            "url": f"{BASE}/model",
            "model": "scripted",
            "temperature": 0.1,
            "tools": [{name: TOOL[name] for name in ("type", "function")}, OTHER],
        },
        "transcriber": {
            "provider": "custom-transcriber",
            "server": {"url": "ws://localhost:9/call/transcriber"},
        },
        "voice": {"provider": "embedded"},
    }


def test_own_vendors_stay(tmp_path: Path) -> None:
    own = {"model": {"provider": "openai"}, "voice": {"provider": "11labs"}}
    parts = dict.fromkeys(("model", "transcriber", "voice"), "own")
    assert made(tmp_path, own, **parts) == {**own, "server": {"url": f"{BASE}/server"}}


def test_a_voice_that_fails_is_a_server_of_the_test(tmp_path: Path) -> None:
    turns = [{"fault": "voice_silent"}, {"user": "Hi"}]
    voice = {"provider": "custom-voice", "server": {"url": f"{BASE}/voice"}}
    assert made(tmp_path, {}, turns=turns)["voice"] == voice


def test_stored_tools_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ApiFailed, match="/tool/t-1"):
        made(tmp_path, {"model": {"toolIds": ["t-1"]}})
